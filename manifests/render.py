# ruff: noqa: INP001 - a script, not a package
"""Makes the generated files: the chart's copy of the CRDs, `manifests/install.yaml`, the tables and the artists' page.

`python manifests/render.py` writes them; with `--check` it writes nothing and lists those that are out of date.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CRDS = ROOT / "crds"
CHART = ROOT / "helm" / "blender-sessions"
RELEASE = "blender-sessions"
NAMESPACE = "blender-sessions"
KUBERNETES_VERSION = "1.36.0"
HEADER = "# Made by `make generate` from helm/blender-sessions and manifests/install-values.yaml: change those.\n"

CLUSTER_SCOPED = ("Namespace", "CustomResourceDefinition")
"""Kinds without a namespace, besides those whose name begins with Cluster."""

sys.path[:0] = [str(ROOT / "local" / "cluster"), str(Path(__file__).parent)]

import artists_page  # noqa: E402 - beside this script
import conditions_page  # noqa: E402 - beside this script
import reference  # noqa: E402 - beside this script
import values_table  # noqa: E402

from localcluster import binaries  # noqa: E402


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and repeats equal values instead of linking them."""

    def ignore_aliases(self, data: object) -> bool:
        """Return True, since an anchor makes a manifest hard to read."""
        return data is not None


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _without_helm(document: dict[str, object]) -> dict[str, object]:
    """Remove the labels and annotations that only Helm reads, from the object and its pod template."""
    spec = document.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    for holder in (document, template):
        metadata = holder.get("metadata") if isinstance(holder, dict) else None
        if not isinstance(metadata, dict):
            continue
        for field in ("labels", "annotations"):
            kept = {
                key: value
                for key, value in (metadata.get(field) or {}).items()
                if not key.startswith("helm.sh/") and (key, value) != ("app.kubernetes.io/managed-by", "Helm")
            }
            if kept:
                metadata[field] = kept
            else:
                metadata.pop(field, None)
    return document


def install_manifest() -> str:
    """Return the chart's objects for `kubectl apply`: with their namespace, without Helm's labels.

    Raises:
        subprocess.CalledProcessError: Helm does not accept the chart or the values.
    """
    helm = binaries.ensure("helm")["helm"]
    command: list[str | Path] = [helm, "template", RELEASE, CHART, "--namespace", NAMESPACE]
    # Helm assumes a very old cluster if it was built without the flags of its release.
    command += ["--kube-version", KUBERNETES_VERSION]
    command += ["--values", ROOT / "manifests" / "install-values.yaml"]
    rendered = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    documents = [namespace, *(_placed(_without_helm(d)) for d in yaml.safe_load_all(rendered) if d)]
    return HEADER + yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True)


def _placed(document: dict[str, object]) -> dict[str, object]:
    """Write the release's namespace into the objects that Helm would place there by itself."""
    kind = str(document["kind"])
    metadata = document["metadata"]
    if isinstance(metadata, dict) and not kind.startswith("Cluster") and kind not in CLUSTER_SCOPED:
        metadata.setdefault("namespace", NAMESPACE)
    return document


def sources() -> dict[Path, str]:
    """Return the generated files inside the chart, by path."""
    return {CHART / "files" / "crds" / crd.name: crd.read_text() for crd in sorted(CRDS.glob("*.yaml"))}


def products() -> dict[Path, str]:
    """Return the files that are generated from the chart and the CRDs, by path."""
    return {
        ROOT / "manifests" / "install.yaml": install_manifest(),
        CHART / "README.md": values_table.page((CHART / "values.yaml").read_text()),
        ROOT / "docs" / "api.md": reference.page(
            [yaml.safe_load(crd.read_text()) for crd in sorted(CRDS.glob("*.yaml"))]
        ),
        ROOT / "docs" / "conditions.md": conditions_page.page(),
        ROOT / "portal" / "blendersessions_portal" / "templates" / "artists.html": artists_page.page(),
    }


def _stale(files: dict[Path, str]) -> list[Path]:
    return [path for path, text in files.items() if not path.exists() or path.read_text() != text]


def main() -> int:
    """Write or check the files, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 if a file is out of date")
    check: bool = parser.parse_args().check
    stale: list[Path] = []
    # The chart's files come first, since the manifest is rendered from them.
    for make in (sources, products):
        files = make()
        for path in _stale(files):
            stale.append(path)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(files[path])
    for path in stale:
        sys.stdout.write(f"{'out of date, run make generate' if check else 'made'}: {path.relative_to(ROOT)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
