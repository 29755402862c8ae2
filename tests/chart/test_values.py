"""The chart's values: all known, all checked, all doing something."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, EVERYTHING, KUBERNETES, PUBLIC_URL, ROOT, RefusedError, helm, render


@pytest.mark.parametrize("values", [["--set", "publicURL=https://blender.example.org/"], ["--values", str(EVERYTHING)]])
def test_lint_finds_nothing(values: list[str]) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, *KUBERNETES, *values)


def paths(values: object, prefix: str = "") -> set[str]:
    """All keys down to the leaves; a map that is empty by default may hold anything."""
    if not isinstance(values, dict) or not values:
        return {prefix}
    return {path for key, child in values.items() for path in paths(child, f"{prefix}.{key}".lstrip("."))}


def test_the_file_with_everything_sets_every_option() -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    everything = yaml.safe_load(EVERYTHING.read_text())

    def at(path: str) -> object:
        found: Any = everything
        for key in path.split("."):
            assert key in found, f"{EVERYTHING.name} does not set {path}"
            found = found[key]
        return found

    # Below `resources` the keys are Kubernetes'.
    for path in paths(defaults):
        at(path.split(".resources.")[0])


def test_every_option_does_something() -> None:
    text = render(values=EVERYTHING).text
    for trace in [
        "registry.example.org/blender:1",
        "registry.example.org/postgres@sha256:0123",
        "imagePullPolicy: Always",
        "- name: registry",
        'value: "studio"',
        'value: "DEBUG"',
        "nodePort: 30080",
        'host: "studio.example.org"',
        "secretName: studio-tls",
        "ingressClassName: nginx",
        "storage: 20Gi",
        "storageClassName: fast",
        "runAsUser: 999",
        "replicas: 2",
        "replicas: 3",
        'value: "leases/studio"',
        'value: "10.42.0.0/16,fd00::/8"',
        *(
            f"example.org/note: {part}"
            for part in ["operator", "portal", "proxy", "service", "ingress", "guacd", "guacamole", "postgresql"]
        ),
    ]:
        assert trace in text, trace
    for name, pod in render(values=EVERYTHING).pods().items():
        assert {"nodeSelector", "tolerations", "affinity", "imagePullSecrets"} <= pod.keys(), name


@pytest.mark.parametrize(
    "part",
    [
        "",
        "operator.",
        "operator.sweep.",
        "operator.lease.",
        "operator.metrics.podMonitor.",
        "images.blender.",
        "proxy.service.",
        "guacamole.admin.",
        "postgresql.storage.",
        "sessionClasses[0].",
    ],
)
def test_a_key_that_does_not_exist_is_refused(part: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        render(f"{part}misspelt=1")
    assert "misspelt" in str(refusal.value)


@pytest.mark.parametrize(
    "option",
    [
        "publicURL=blender.example.org",
        "publicURL=https://blender.example.org",
        "sessionNamespace=Desktops",
        "proxy.service.type=HostPort",
        "proxy.service.nodePort=70000",
        "proxy.replicas=0",
        "proxy.trustedProxies={ingress;}",
        "operator.logLevel=LOUD",
        "images.pullPolicy=Sometimes",
        "postgresql.storage.size=big",
        "guacamole.admin.username=a/b",
        "operator.workers=0",
        "operator.replicas=0",
        "operator.lease.name=Studio",
        "operator.lease.namespace=",
        "operator.lease.seconds=1",
        "operator.resyncSeconds=0",
        "operator.activitySeconds=-1",
        "operator.guacdSeconds=0",
        "guacamole.external.guacdAddress=guacd.example.org",
        "operator.sweep.mode=Delete",
        "operator.sweep.graceSeconds=-1",
        "portal.maxSessions=0",
        "portal.logLevel=LOUD",
        "sessionClasses[0].name=large.scenes",
    ],
)
def test_a_value_that_cannot_work_is_refused(option: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        render(option)
    assert option.split("=", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1] in str(refusal.value)


def test_classes_are_made_where_the_sessions_are_or_where_they_say() -> None:
    chart = render(values=EVERYTHING)
    assert chart.names("BlenderSessionClass") == {"default@desktops", "large-scenes@studio"}
    spec: Any = chart.get("BlenderSessionClass", "default@desktops", "spec")
    assert spec == {"lifetime": {"maxAge": "8h", "idleAfter": "1h"}, "limits": {"sessions": 20}}
    assert not render().names("BlenderSessionClass")


def test_a_class_without_a_spec_is_one_that_decides_nothing() -> None:
    assert render("sessionClasses[0].name=plain").get("BlenderSessionClass", "plain@blender-desktops", "spec") == {}


def test_a_cluster_without_the_class_crd_gets_an_explanation() -> None:
    options = ("--set", f"publicURL={PUBLIC_URL}", "--set", "sessionClasses[0].name=default")
    with pytest.raises(
        RefusedError, match="install without sessionClasses first, which brings the CRDs, then run helm"
    ):
        helm("template", "studio", CHART, *KUBERNETES, *options)


def test_the_public_url_must_be_given() -> None:
    with pytest.raises(RefusedError, match="publicURL is required: the address that browsers will open"):
        render(url=None)


def test_the_schema_is_closed_at_every_level() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def open_objects(path: str, node: dict[str, Any]) -> list[str]:
        found = [path] if "properties" in node and node.get("additionalProperties") is not False else []
        for name, child in {**node.get("properties", {}), **node.get("$defs", {})}.items():
            found += open_objects(f"{path}.{name}", child)
        return found

    assert open_objects("", schema) == []


def test_every_value_is_explained() -> None:
    """Each block of values has a comment, except where the name explains itself."""
    known = {"resources", "podAnnotations", "nodeSelector", "tolerations", "affinity", "enabled", "annotations"}
    known |= {"repository", "tag", "port", "size", "className", "pullPolicy", "replicas", "requests", "limits"}
    previous = ""
    for line in (CHART / "values.yaml").read_text().splitlines():
        key = line.split(":")[0].strip()
        leaf = bool(line.split(":", 1)[-1].strip()) and not line.lstrip().startswith("#") and line.strip() != ""
        if leaf and key not in known:
            assert previous.lstrip().startswith("#"), f"values.yaml does not explain {key!r}"
        previous = line


@pytest.mark.parametrize("plural", ["blendersessions", "blendersessionclasses"])
def test_crds_are_the_ones_of_the_source_and_can_be_kept_or_left_out(plural: str) -> None:
    crd: Any = render().get("CustomResourceDefinition", f"{plural}.blendersessions.io")
    source = yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())
    assert crd["spec"] == source["spec"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    thrown: Any = render("crds.keep=false").get("CustomResourceDefinition", f"{plural}.blendersessions.io")
    assert "annotations" not in thrown["metadata"]
    assert not render("crds.enabled=false").names("CustomResourceDefinition")


def test_a_release_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(RefusedError, match="is too long: use at most 40 characters"):
        helm("template", "r" * 41, CHART, *KUBERNETES, "--set", "publicURL=https://blender.example.org/")


def test_a_change_of_the_database_scripts_rolls_guacamole() -> None:
    annotations: Any = render().get("Deployment", "studio-guacamole", "spec", "template", "metadata", "annotations")
    assert len(annotations["checksum/database"]) == 64


def test_generated_files_are_current() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "manifests" / "render.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
