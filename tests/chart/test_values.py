"""The chart's values: all known, all checked, all doing something."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
import yaml

from blendersessions.model.session_class import ClassSpec
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
        "admissionPolicy.owner=",
        "sessionClasses[0].name=large.scenes",
    ],
)
def test_a_value_that_cannot_work_is_refused(option: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        render(option)
    assert option.split("=", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1] in str(refusal.value)


def test_every_image_comes_from_the_mirror() -> None:
    chart = render(values=EVERYTHING)
    images = {
        container["image"]
        for pod in chart.pods().values()
        for container in [*pod.get("initContainers", []), *pod["containers"]]  # type: ignore[misc,attr-defined]
    }
    images.add(str(chart.environment("studio-operator")["BLENDERSESSIONS_BLENDER_IMAGE"]))
    assert len(images) == 7
    assert all(image.startswith("mirror.example.org/hub/") for image in images), images


def test_every_image_can_be_pinned_by_its_digest() -> None:
    digest = f"sha256:{'0' * 64}"
    for name in ("blender", "operator", "portal", "proxy", "guacd", "guacamole", "postgresql"):
        assert f"@{digest}" in render(f"images.{name}.tag={digest}").text


def test_the_user_of_the_database_is_a_value() -> None:
    pod: Any = render("postgresql.runAsUser=999").pods()["studio-postgresql"]
    assert pod["securityContext"]["runAsUser"] == 999


def test_classes_are_made_where_the_sessions_are_or_where_they_say() -> None:
    """A Job applies them, since Helm cannot make an object of a kind that comes with the same release."""
    wanted = render(values=EVERYTHING).setup()
    spec = {"lifetime": {"maxAge": "8h", "idleAfter": "1h"}, "limits": {"sessions": 20}}
    assert wanted["classes"] == [
        {"namespace": "desktops", "name": "default", "spec": spec},
        {"namespace": "studio", "name": "default", "spec": spec},
        {"namespace": "studio", "name": "large-scenes", "spec": {"egress": "Public"}},
    ]
    assert wanted["class_namespaces"] == ["desktops", "studio"]
    elsewhere = render("sessionClasses[0].name=plain", "sessionClasses[0].namespace=elsewhere")
    assert elsewhere.setup()["class_namespaces"] == ["blender-desktops", "elsewhere"]
    assert "studio-setup-classes@elsewhere" in elsewhere.names("Role")


def test_a_class_without_a_spec_is_one_that_decides_nothing() -> None:
    assert render("sessionClasses[0].name=plain").setup()["classes"] == [
        {"namespace": "blender-desktops", "name": "plain", "spec": {}}
    ]


def test_a_quota_stands_behind_the_classes() -> None:
    hard = render().get("ResourceQuota", "blender-sessions@blender-desktops", "spec", "hard")
    assert hard == {"pods": 200, "persistentvolumeclaims": 200}
    (wanted,) = render().setup()["classes"]
    assert wanted["spec"]["limits"]["sessions"] < 200, "the class says so first, with its queue"
    changed = render(values=EVERYTHING).get("ResourceQuota", "blender-sessions@desktops", "spec", "hard")
    assert changed == {"pods": 40, "requests.storage": "2Ti"}
    assert not render("sessionQuota=null").names("ResourceQuota")
    assert not render("portal.enabled=false", "operator.namespaces[0]=art").names("ResourceQuota")


def test_sessions_end_and_are_limited_from_the_first_minute() -> None:
    (wanted,) = render().setup()["classes"]
    assert (wanted["name"], wanted["namespace"]) == ("default", "blender-desktops")
    spec = ClassSpec.model_validate(wanted["spec"])
    assert (spec.lifetime.idle_after, spec.lifetime.max_age) == (timedelta(hours=1), timedelta(hours=12))
    assert spec.lifetime.on_expiry == "Auto"
    assert spec.limits.sessions
    assert spec.limits.sessions_per_owner


def test_the_first_install_needs_nothing_of_the_cluster() -> None:
    """Argo CD and Flux render the chart without a cluster, and each rendering must be the same."""
    command = ("template", "studio", CHART, *KUBERNETES)
    for values in (("--set", f"publicURL={PUBLIC_URL}"), ("--values", EVERYTHING)):
        assert helm(*command, *values) == helm(*command, *values)


def test_a_job_that_would_do_something_else_has_another_name() -> None:
    """A Job cannot be changed."""
    assert render().names("Job") == render("proxy.replicas=2").names("Job")
    assert render().names("Job") != render("portal.existingSecret=ours").names("Job")
    assert render().names("Job") != render("images.operator.tag=v2").names("Job")


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
