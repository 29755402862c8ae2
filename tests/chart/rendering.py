"""The chart as `helm template` renders it."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from localcluster import binaries

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "blender-sessions"
EVERYTHING = Path(__file__).with_name("everything.yaml")
RELEASE = "studio"
NAMESPACE = "studio-system"
# A Helm that was built without its release's flags takes the cluster for a very old one.
KUBERNETES = ("--kube-version", "1.36.0")
PUBLIC_URL = "https://blender.example.org/"
Object = dict[str, object]


class RefusedError(Exception):
    """Helm refused; the text is what a person would read."""


def helm(*arguments: str | Path) -> str:
    """Run Helm and return what it prints.

    Raises:
        RefusedError: with Helm's message.
    """
    command = [binaries.ensure("helm")["helm"], *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if result.returncode:
        raise RefusedError(result.stderr + result.stdout)
    return result.stdout


class Rendered:
    """The objects of one rendering, by kind and name."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.documents: list[Object] = [document for document in yaml.safe_load_all(text) if document]
        self.by_id: dict[tuple[str, str], Object] = {}
        for document in self.documents:
            metadata = document["metadata"]
            assert isinstance(metadata, dict)
            namespace = str(metadata.get("namespace", NAMESPACE))
            suffix = "" if namespace == NAMESPACE else f"@{namespace}"
            key = (str(document["kind"]), f"{metadata['name']}{suffix}")
            assert key not in self.by_id, f"two objects are called {key}"
            self.by_id[key] = document

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self.by_id

    def get(self, kind: str, name: str, *path: str | int) -> object:
        """Return an object, or what is at a path of keys and indices inside it."""
        found: object = self.by_id[kind, name]
        for step in path:
            assert isinstance(found, (dict, list)), f"{kind} {name} has nothing at {path}"
            found = found[step]  # type: ignore[index]
        return found

    def names(self, kind: str) -> set[str]:
        """Return the names of all objects of a kind."""
        return {name for found, name in self.by_id if found == kind}

    def pods(self) -> dict[str, Object]:
        """Return every pod template's spec, by the name of its owner."""
        return {
            name: self.get(kind, name, "spec", "template", "spec")  # type: ignore[misc]
            for kind, name in self.by_id
            if kind in {"Deployment", "StatefulSet", "Job", "DaemonSet", "CronJob"}
        }

    def setup(self) -> Any:  # noqa: ANN401 - decoded JSON
        """Return what the Job of the release sets up; None without the Job."""
        jobs = self.names("Job")
        if not jobs:
            return None
        (name,) = jobs
        (variable,) = self.get("Job", name, "spec", "template", "spec", "containers", 0, "env")  # type: ignore[misc]
        return json.loads(variable["value"])

    def environment(self, name: str) -> dict[str, object]:
        """Return the environment of a Deployment's first container.

        What comes from a Secret is `NAME/KEY`, what comes from the pod itself the field's path.
        """
        found: dict[str, object] = {}
        variables = self.get("Deployment", name, "spec", "template", "spec", "containers", 0, "env")
        assert isinstance(variables, list)
        for variable in variables:
            source = variable.get("valueFrom", {})
            if secret := source.get("secretKeyRef"):
                found[variable["name"]] = f"{secret['name']}/{secret['key']}"
            else:
                found[variable["name"]] = source["fieldRef"]["fieldPath"] if source else variable["value"]
        return found


@functools.cache
def render(*options: str, values: Path | None = None, url: str | None = PUBLIC_URL) -> Rendered:
    """Render the chart as the release `studio` in `studio-system`; the same call gives the same rendering.

    Args:
        options: each as after `--set`.
        values: a values file.
        url: `publicURL`; None leaves it out.
    """
    arguments: list[str | Path] = ["template", RELEASE, CHART, "--namespace", NAMESPACE, *KUBERNETES]
    if values:
        arguments += ["--values", values]
    elif url:
        arguments += ["--set", f"publicURL={url}"]
    for option in options:
        arguments += ["--set", option]
    return Rendered(helm(*arguments))
