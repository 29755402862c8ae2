"""The objects of a session, compared whole with tests/data/: no field may come or go by accident."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.access import ConnectionRecord
from blendersessions.model.desktop import Desktop
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.secret_data import decode
from blendersessions.model.session_class import built_in
from blendersessions_operator.resources.connection import client_url, connection, view_connection
from blendersessions_operator.resources.pod import outdated, pod
from blendersessions_operator.resources.secret import desktop_secret, user_secret
from blendersessions_operator.resources.service import service
from blendersessions_operator.resources.volume_claim import volume_claim
from unit.operator.factories import CREDENTIALS, PROFILE, UID, USER_PASSWORD, session, settings
from unit.operator.manifests import manifest

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

DESKTOP = session().desktop
NAME = DESKTOP.name


def test_the_service_is_made_as_written_and_has_no_other_field() -> None:
    assert service(DESKTOP, session()) == manifest("service")


def test_the_secret_of_the_desktop_is_made_as_written() -> None:
    assert desktop_secret(DESKTOP, session({"owner": "alice"}), CREDENTIALS) == manifest("desktop-secret")


def test_the_secret_of_the_user_is_made_as_written() -> None:
    assert user_secret(session({"owner": "alice"}), "alice", USER_PASSWORD) == manifest("user-secret")


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_the_claim_of_the_workspace_is_made_as_written(policy: str) -> None:
    of = session({"workspace": {"size": "5Gi", "storageClassName": "fast", "reclaimPolicy": policy}})
    expected = manifest("volume-claim")
    if policy == "Retain":
        # The garbage collector leaves what has no owner.
        del expected["metadata"]["ownerReferences"]
    assert of.spec.workspace is not None
    assert volume_claim(of, of.spec.workspace) == expected


def test_the_pod_is_made_as_written() -> None:
    spec = {
        "scene": {"sample": "shopping_cart.blend"},
        "display": {"width": 1920, "height": 1080, "colorDepth": 16},
    }
    made = pod(DESKTOP, session(spec), settings(session(spec)))
    digest = made["metadata"]["annotations"].pop("blendersessions.io/desktop")
    assert len(digest) == 16
    environment = made["spec"]["containers"][0].pop("env")
    # tests/unit/test_display.py has the screen's.
    assert environment[0] == {"name": "BLENDER_SCENE", "value": "shopping_cart.blend"}
    assert made == manifest("pod")


TRANSFER = [
    {"name": "BLENDER_TRANSFER_UPLOAD", "value": "true"},
    {"name": "BLENDER_TRANSFER_DOWNLOAD", "value": "true"},
    {"name": "BLENDER_TRANSFER_MAX_BYTES", "value": "2147483648"},
]


def source_of(
    spec: Manifest, of_class: Manifest | None = None
) -> tuple[dict[str, str], list[Manifest], list[Manifest]]:
    """What a pod has for its scene: variables, volumes and mounts beyond those of the empty scene."""
    plain, of = session(), session(spec)
    networks = ("10.77.0.0/16", "fd77::/16")
    made = replace(settings(of, of_class), fetch_networks=networks)
    specs = [pod(DESKTOP, each, made)["spec"] for each in (plain, of)]
    [[without], [blender]] = [each["containers"] for each in specs]
    variables = {each["name"]: each["value"] for each in blender["env"] if each not in without["env"]}
    volumes = [each for each in specs[1]["volumes"] if each not in specs[0]["volumes"]]
    return variables, volumes, [each for each in blender["volumeMounts"] if each not in without["volumeMounts"]]


def test_a_pod_tells_what_may_go_in_and_out() -> None:
    of = session()
    [blender] = pod(DESKTOP, of, settings(of))["spec"]["containers"]
    assert blender["env"][-3:] == TRANSFER
    closed: Manifest = {"transfer": {"upload": False, "download": False, "maxBytes": 5}}
    [blender] = pod(DESKTOP, of, settings(of, closed))["spec"]["containers"]
    assert [each["value"] for each in blender["env"][-3:]] == ["false", "false", "5"]


def test_a_pod_of_a_url_knows_where_it_may_lead_and_whom_to_trust() -> None:
    spec: Manifest = {"scene": {"url": "https://example.org/$(HOME)/$$a.blend", "sha256": "0A" * 32}}
    trusting: Manifest = {"egress": "Public", "transfer": {"fetchTimeout": "1500ms", "caConfigMap": "our-ca"}}
    items = [{"key": "ca.crt", "path": "ca.crt"}]
    assert source_of(spec, trusting) == (
        {
            "BLENDER_SCENE_URL": "https://example.org/$$(HOME)/$$$$a.blend",
            "BLENDER_SCENE_SHA256": "0a" * 32,
            "BLENDER_FETCH_SECONDS": "2",
            "BLENDER_FETCH_NETWORKS": "10.77.0.0/16,fd77::/16",
            "BLENDER_FETCH_CA_FILE": "/run/fetch-ca/ca.crt",
            "BLENDER_SESSION_UID": UID,
        },
        [{"name": "fetch-ca", "configMap": {"name": "our-ca", "items": items, "optional": True}}],
        [{"name": "fetch-ca", "mountPath": "/run/fetch-ca", "readOnly": True}],
    )
    variables, volumes, mounts = source_of({"scene": {"url": "https://example.org/a.blend"}})
    assert variables == {
        "BLENDER_SCENE_URL": "https://example.org/a.blend",
        "BLENDER_FETCH_SECONDS": "600",
        "BLENDER_FETCH_NETWORKS": "10.77.0.0/16,fd77::/16",
        "BLENDER_SESSION_UID": UID,
    }
    assert (volumes, mounts) == ([], [])


def test_a_pod_of_a_volume_reads_it_and_changes_nothing_there() -> None:
    spec: Manifest = {"scene": {"volume": {"claimName": "scenes", "path": "shots/$(A) Übung.blend"}}}
    assert source_of(spec, {"transfer": {"caConfigMap": "our-ca"}}) == (
        {
            "BLENDER_SCENE_PATH": "shots/$$(A) Übung.blend",
            "BLENDER_SCENE_CLAIM": "scenes",
            "BLENDER_SESSION_UID": UID,
        },
        [{"name": "scene", "persistentVolumeClaim": {"claimName": "scenes", "readOnly": True}}],
        [{"name": "scene", "mountPath": "/run/scene", "readOnly": True}],
    )


def test_a_pod_of_an_upload_knows_how_long_it_waits() -> None:
    of_class: Manifest = {"transfer": {"uploadDeadline": "2h"}}
    variables = {"BLENDER_SCENE_UPLOAD": "true", "BLENDER_UPLOAD_SECONDS": "7200", "BLENDER_SESSION_UID": UID}
    assert source_of({"scene": {"upload": {}}}, of_class) == (variables, [], [])


def test_a_pod_of_a_sample_does_not_know_its_session() -> None:
    assert source_of({"scene": {"sample": "cart.blend"}})[0] == {"BLENDER_SCENE": "cart.blend"}


def test_what_a_session_does_not_use_makes_no_pod_outdated() -> None:
    for spec in ({}, {"scene": {"sample": "cart.blend"}}, {"scene": {"upload": {}}}):
        of = session(spec)
        made = pod(DESKTOP, of, settings(of))
        later: Manifest = {"transfer": {"caConfigMap": "our-ca", "fetchTimeout": "1m"}}
        assert not outdated(made, DESKTOP, of, replace(settings(of, later), fetch_networks=("10.0.0.0/8",)))


def test_a_pod_names_no_user_where_the_platform_chooses() -> None:
    of = session()
    chosen = effective_settings(of, built_in(of.namespace), replace(PROFILE, fixed_users=False))
    assert pod(DESKTOP, of, chosen)["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


@pytest.mark.parametrize(("timeout", "seconds"), [("5m", 300), ("1500ms", 2)])
def test_a_pod_has_as_long_to_end_as_a_save_may_take(timeout: str, seconds: int) -> None:
    of = session()
    made = pod(DESKTOP, of, settings(of, {"saving": {"timeout": timeout}}))
    assert made["spec"]["terminationGracePeriodSeconds"] == seconds


def test_the_image_is_pulled_with_the_secrets_of_class_and_installation() -> None:
    of = session()
    made = pod(DESKTOP, of, settings(of, {"imagePullSecrets": [{"name": "registry"}]}))
    assert made["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def environment(spec: dict[str, object]) -> dict[str, str]:
    [blender] = pod(DESKTOP, session(spec), settings(session(spec)))["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in blender["env"]}


def test_the_desktop_knows_the_limits_of_its_folders_and_whether_they_are_kept() -> None:
    lost = environment({})
    assert (lost["BLENDER_HOME_LIMIT_BYTES"], lost["BLENDER_TMP_LIMIT_BYTES"]) == (str(4 * 1024**3), str(1024**3))
    assert lost["BLENDER_WORKSPACE"] == "false"
    for workspace in ({"size": "1Gi"}, {"claimName": "mine"}):
        kept = environment({"workspace": workspace})
        assert kept["BLENDER_WORKSPACE"] == "true"
        assert "BLENDER_HOME_LIMIT_BYTES" not in kept, "the volume has its own size"
        assert kept["BLENDER_TMP_LIMIT_BYTES"] == str(1024**3)


def test_a_sessions_resources_replace_the_defaults() -> None:
    wanted = {"requests": {"cpu": "3"}, "limits": {"nvidia.com/gpu": 1}}
    of_class = {"resources": {"max": {"nvidia.com/gpu": 1}}}
    asks = session({"resources": wanted})
    container = pod(DESKTOP, asks, settings(asks, of_class))["spec"]["containers"][0]
    assert container["resources"] == {
        "requests": {"cpu": "3", "memory": "1Gi"},
        "limits": {"cpu": "3", "memory": "4Gi", "nvidia.com/gpu": 1},
    }


def test_a_small_limit_of_the_nodes_disk_is_shared_out_among_the_folders() -> None:
    def made(spec: dict[str, object]) -> tuple[dict[str, object], dict[str, str]]:
        asks = session(spec | {"resources": {"limits": {"ephemeral-storage": "2560Mi"}}})
        found = pod(DESKTOP, asks, settings(asks))["spec"]
        sizes = {each["name"]: each["emptyDir"]["sizeLimit"] for each in found["volumes"] if "emptyDir" in each}
        return sizes, {each["name"]: each["value"] for each in found["containers"][0]["env"]}

    sizes, environment = made({})
    assert (sizes["home"], sizes["tmp"]) == (str(2 * 1024**3), str(512 * 1024**2))
    assert environment["BLENDER_HOME_LIMIT_BYTES"] == sizes["home"], "the desktop warns before that is full"
    assert environment["BLENDER_TMP_LIMIT_BYTES"] == sizes["tmp"]
    sizes, environment = made({"workspace": {"size": "1Gi"}})
    assert (sizes["tmp"], environment["BLENDER_TMP_LIMIT_BYTES"]) == ("1Gi", str(1024**3))


def test_another_scene_is_another_desktop_and_another_owner_is_not() -> None:
    def digest(spec: dict[str, object]) -> str:
        return str(
            pod(DESKTOP, session(spec), settings(session(spec)))["metadata"]["annotations"][
                "blendersessions.io/desktop"
            ]
        )

    assert digest({}) != digest({"scene": {"sample": "a.blend"}})
    assert digest({}) == digest({"owner": "alice", "connections": {"max": 3}})


def test_connection() -> None:
    made = connection(
        DESKTOP,
        session({"display": {"readOnly": True}, "connections": {"max": 5}}),
        "pw123456",
    )
    assert (made.name, made.key) == (f"art/cart ({NAME})", NAME)
    assert made.parameters == {
        "hostname": f"{NAME}.art.svc",
        "port": "5900",
        "password": "pw123456",
        "color-depth": "24",
        "read-only": "true",
    }
    assert made.attributes == {"max-connections": "5", "max-connections-per-user": "5"}
    assert "pw123456" not in repr(made)


def test_a_viewer_can_neither_type_nor_copy_nor_resize() -> None:
    of = session({"viewers": ["vera"]})
    view, owners = view_connection(DESKTOP, of, "pw123456"), connection(DESKTOP, of, "pw123456")
    assert (view.name, view.key) == (f"art/cart, view only ({NAME}-view)", f"{NAME}-view")
    added = {"read-only", "disable-copy", "disable-paste", "disable-display-resize"}
    assert view.parameters == owners.parameters | dict.fromkeys(added, "true")
    assert not added & owners.parameters.keys(), "the owner's window still gives the desktop its size"


def test_the_client_url_names_the_connection_and_holds_no_credential() -> None:
    url = client_url("https://desk.example/", ConnectionRecord("17", NAME, "vnc", {}), "mysql")
    base, code = url.rsplit("/", 1)
    assert base == "https://desk.example/guacamole/#/client"
    assert base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)) == b"17\0c\0mysql"


def test_a_damaged_value_of_a_secret_counts_as_missing() -> None:
    assert decode({"data": {"password": "%"}}, "password") == ""
    assert decode({"data": {"password": "/w=="}}, "password") == ""
    assert decode({"data": None}, "password") == ""


def test_a_desktop_keeps_its_own_names_whichever_session_has_it() -> None:
    other = Desktop("art", "blender-" + "2" * 26)
    of = session({"viewers": ["vera"], "workspace": {"size": "1Gi"}})
    for made in (service(other, of), desktop_secret(other, of, CREDENTIALS), pod(other, of, settings(of))):
        assert made["metadata"]["name"] == other.name
        assert made["metadata"]["labels"]["blendersessions.io/desktop-name"] == other.name
        assert made["metadata"]["labels"]["blendersessions.io/session-uid"] == UID
    assert service(other, of)["spec"]["selector"] == {"blendersessions.io/desktop-name": other.name}
    assert pod(other, of, settings(of))["spec"]["volumes"][0]["secret"]["secretName"] == other.name
    for made in (connection(other, of, "pw"), view_connection(other, of, "pw")):
        assert made.key.startswith(other.name)
        assert made.parameters["hostname"] == f"{other.name}.art.svc"
