"""The plain `kubectl apply` install and the examples."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from blendersessions.model.session import parse_session
from chart.rendering import ROOT

MANIFESTS = ROOT / "manifests"
SAMPLES = {"shopping_cart", "fire_extinguisher", "watering_can"}
SOURCES = {"scene_by_url": "url", "scene_by_volume": "volume", "scene_by_upload": "upload"}
OTHERS = {"class", "suspended", "workspace", "class-blender-4.3", "class-blender-5.2", *SOURCES}


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((MANIFESTS / "install.yaml").read_text()))


def test_no_secret_is_written_down() -> None:
    assert not [d for d in documents() if d["kind"] == "Secret"]


def test_nothing_of_helm_is_left() -> None:
    text = (MANIFESTS / "install.yaml").read_text()
    assert "helm.sh" not in text
    assert "managed-by: Helm" not in text


def test_every_object_has_its_namespace_and_the_namespaces_come_first() -> None:
    objects = documents()
    cluster = {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
    made = {"kube-system"}
    for document in objects:
        if document["kind"] == "Namespace":
            made.add(document["metadata"]["name"])
        elif document["kind"] not in cluster:
            assert document["metadata"]["namespace"] in made, document["metadata"]


def test_the_readme_makes_every_secret_that_the_manifest_wants() -> None:
    readme = (MANIFESTS / "README.md").read_text()
    text = (MANIFESTS / "install-values.yaml").read_text()
    for line in text.splitlines():
        if "existingSecret:" in line:
            assert f"create secret generic {line.split()[-1]}" in readme


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_example_opens_its_scene(name: str) -> None:
    session = yaml.safe_load((MANIFESTS / "examples" / f"{name}.yaml").read_text())
    assert session["kind"] == "BlenderSession"
    assert session["metadata"] == {"name": name.replace("_", "-")}
    assert session["spec"] == {"owner": "artist", "scene": {"sample": f"{name}.blend"}}


@pytest.mark.parametrize("name", SOURCES)
def test_an_example_brings_its_scene_in(name: str) -> None:
    written = yaml.safe_load((MANIFESTS / "examples" / f"{name}.yaml").read_text())
    stored = {"namespace": "art", "uid": "1", "creationTimestamp": "2026-11-24T05:59:57Z"}
    found = parse_session(written | {"metadata": written["metadata"] | stored})
    assert found.spec_error == ""
    assert found.spec.scene.is_brought_in
    assert SOURCES[name] in found.spec.scene.model_fields_set


def test_there_is_an_example_for_each_sample_scene_and_for_what_else_there_is() -> None:
    assert {path.stem for path in (MANIFESTS / "examples").glob("*.yaml")} == SAMPLES | OTHERS
    assert {path.stem for path in (ROOT / "images" / "blender" / "scenes" / "thumbnails").glob("*.png")} == SAMPLES


def test_the_example_of_a_class_shows_every_field() -> None:
    crd = yaml.safe_load((ROOT / "crds" / "blendersessionclasses.yaml").read_text())
    fields = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    text = (MANIFESTS / "examples" / "class.yaml").read_text()
    assert [field for field in fields if f"{field}:" not in text] == []
