"""What the API server takes and what it refuses, and that a refusal says what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.api import SESSIONS, Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

Spec = dict[str, object]

ACCEPTED: dict[str, Spec] = {
    "an empty spec": {},
    "an empty scene": {"scene": {}},
    "a sample": {"scene": {"sample": "shopping_cart.blend"}},
    "a sample with dots and dashes": {"scene": {"sample": "v1.2-final_3.blend"}},
    "the longest sample": {"scene": {"sample": "a" * 122 + ".blend"}},
    "an owner": {"owner": "artist"},
    "an owner that is an address": {"owner": "ada.lovelace+blender@example.org"},
    "the longest owner": {"owner": "o" * 128},
    "the smallest desktop": {"display": {"width": 320, "height": 240, "colorDepth": 8}},
    "the largest desktop": {"display": {"width": 3840, "height": 2160, "colorDepth": 24}},
    "16 bits, for looking only": {"display": {"colorDepth": 16, "readOnly": True}},
    "no middle mouse button and no numeric keypad": {"input": {"emulateMiddleButton": True, "emulateNumpad": True}},
    "no help, whatever the class says": {"input": {"emulateMiddleButton": False}},
    "no word about input": {"input": {}},
    "one connection": {"connections": {"max": 1}},
    "the most connections": {"connections": {"max": 1000, "maxPerUser": 1000}},
    "fewer for each user": {"connections": {"max": 5, "maxPerUser": 5}},
    "fewer for each user than the default": {"connections": {"maxPerUser": 2}},
    "requests alone": {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}},
    "limits alone": {"resources": {"limits": {"cpu": 2, "memory": "4Gi"}}},
    "requests up to the limits": {"resources": {"requests": {"cpu": "1000m"}, "limits": {"cpu": 1}}},
    "a device": {"resources": {"limits": {"nvidia.com/gpu": 1}}},
    "a request whose limit is left out": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"cpu": "1"}}},
    "viewers": {"owner": "alice", "viewers": ["bob", "carol@example.org"]},
    "viewers without an owner": {"viewers": ["bob"]},
    "the most viewers": {"viewers": [f"viewer-{number}" for number in range(16)]},
    "a class": {"className": "large-scenes"},
    "a url": {"scene": {"url": "https://example.org/cart.blend"}},
    "a url with a sum": {"scene": {"url": "https://example.org/cart.zip?v=1&sig=a%20b", "sha256": "0aF" + "b" * 61}},
    "a url with a port and a number for a host": {"scene": {"url": "https://203.0.113.7:8443"}},
    "a url of the sixth version": {"scene": {"url": "https://[2001:db8::7]/a@b.blend"}},
    "the longest url": {"scene": {"url": "https://example.org/" + "a" * 2028}},
    "a scene on a volume": {"scene": {"volume": {"claimName": "scenes", "path": "shots/Übung 1.blend"}}},
    "a folder on a volume": {"scene": {"volume": {"claimName": "studio.scenes", "path": "..shots/$(HOME)"}}},
    "an upload": {"scene": {"upload": {}}},
    "an upload into a volume that is made": {"scene": {"upload": {}}, "workspace": {"size": "1Gi"}},
    "a scene beside the home folder": {
        "scene": {"volume": {"claimName": "scenes", "path": "a.zip"}},
        "workspace": {"claimName": "home"},
    },
    "a volume that is made": {"workspace": {"size": "10Gi"}},
    "a volume of a class of storage": {"workspace": {"size": 1073741824, "storageClassName": "fast"}},
    "a volume that is kept": {"workspace": {"size": "10Gi", "reclaimPolicy": "Retain"}},
    "a volume that there is": {"workspace": {"claimName": "alices-home"}},
    "suspended from the start": {"suspend": True},
    "without a desktop for now": {"replicas": 0},
    "a lifetime": {"lifetime": {"maxAge": "8h", "idleAfter": "1h30m", "onExpiry": "Delete"}},
    "the longest lifetime": {"lifetime": {"maxAge": "8760h"}},
    "a short one": {"lifetime": {"idleAfter": "500ms"}},
    "a fraction of a core": {"resources": {"requests": {"cpu": "0.25"}, "limits": {"cpu": "250m"}}},
}

NOT_A_PATH = "scene.sample must be a file name, not a path: write 'shopping_cart.blend'"
NOT_A_SAMPLE = "scene.sample must be the file name of a sample, such as 'shopping_cart.blend'"
URL = "https://example.org/cart.blend"
TWO_SOURCES = "give exactly one of scene.sample, scene.url, scene.volume and scene.upload"
NOT_A_SUM = "scene.sha256 must be 64 hexadecimal digits, as sha256sum writes them"
NOT_HTTPS = "scene.url must begin with https://, such as 'https://example.org/scene.blend'"
NO_USER = "scene.url must hold no user name and no password"
NOT_ENCODED = "scene.url must hold no spaces and nothing beyond ASCII: write such characters percent-encoded"
NOT_COMPLETE = "scene.url must be a complete address without a fragment (#)"
NO_DOTS = "scene.volume.path must have no part '.' or '..', which could lead out of the volume"
NOT_NAMES = "scene.volume.path must be names with single / between them, and no control characters"
NOT_A_DURATION = "must be a duration above zero and at most 8760h, such as '30m', '1h30m' or '90s'"
NOT_AN_OWNER = "owner must be a Guacamole user name"


def on_volume(path: str, *, claim: str = "scenes") -> Spec:
    """A session of a scene on a volume."""
    return {"scene": {"volume": {"claimName": claim, "path": path}}}


REFUSED: dict[str, tuple[Spec, str]] = {
    "a path up": ({"scene": {"sample": "../secrets.blend"}}, NOT_A_PATH),
    "a path down": ({"scene": {"sample": "folder/cart.blend"}}, NOT_A_PATH),
    "an absolute path": ({"scene": {"sample": "/etc/passwd"}}, NOT_A_PATH),
    "a path of Windows": ({"scene": {"sample": "C:\\cart.blend"}}, NOT_A_PATH),
    "two dots inside a name": ({"scene": {"sample": "cart..blend"}}, NOT_A_PATH),
    "another kind of file": ({"scene": {"sample": "cart.obj"}}, NOT_A_SAMPLE),
    "a sample without an ending": ({"scene": {"sample": "shopping_cart"}}, NOT_A_SAMPLE),
    "a hidden file": ({"scene": {"sample": ".blend"}}, NOT_A_SAMPLE),
    "an option instead of a file": ({"scene": {"sample": "--python-expr.blend"}}, NOT_A_SAMPLE),
    "a sample with a space": ({"scene": {"sample": "my cart.blend"}}, NOT_A_SAMPLE),
    "a sample with a line break": ({"scene": {"sample": "cart.blend\n"}}, NOT_A_SAMPLE),
    "a sample beyond ASCII": ({"scene": {"sample": "wägen.blend"}}, NOT_A_SAMPLE),
    "an empty sample": ({"scene": {"sample": ""}}, "leave scene out for an empty scene"),
    "a sample that is too long": ({"scene": {"sample": "a" * 123 + ".blend"}}, "Too long: may not be more than 128"),
    "a list of samples": ({"scene": {"sample": ["a.blend"]}}, "spec.scene.sample"),
    "two sources": ({"scene": {"sample": "cart.blend", "url": "https://example.org/cart.blend"}}, TWO_SOURCES),
    "two other sources": (
        {"scene": {"url": "https://example.org/a.blend", "volume": {"claimName": "scenes", "path": "a.blend"}}},
        TWO_SOURCES,
    ),
    "a sample to upload": ({"scene": {"sample": "cart.blend", "upload": {}}}, TWO_SOURCES),
    "a sum of a sample": ({"scene": {"sample": "cart.blend", "sha256": "0" * 64}}, "give it beside scene.url"),
    "a sum of nothing": ({"scene": {"sha256": "0" * 64}}, "scene.sha256 is checked for what scene.url gives"),
    "a sum that is too short": ({"scene": {"url": URL, "sha256": "0" * 63}}, NOT_A_SUM),
    "a sum in other letters": ({"scene": {"url": URL, "sha256": "g" * 64}}, NOT_A_SUM),
    "a sum with a line break": ({"scene": {"url": URL, "sha256": "0" * 63 + "\n"}}, NOT_A_SUM),
    "an empty url": ({"scene": {"url": ""}}, NOT_HTTPS),
    "a url without TLS": ({"scene": {"url": "http://example.org/cart.blend"}}, NOT_HTTPS),
    "a url of a file": ({"scene": {"url": "file:///etc/passwd"}}, NOT_HTTPS),
    "a url without a scheme": ({"scene": {"url": "example.org/cart.blend"}}, NOT_HTTPS),
    "a url with a password": ({"scene": {"url": "https://alice:secret@example.org/cart.blend"}}, NO_USER),
    "a url with a user": ({"scene": {"url": "https://alice@example.org/"}}, NO_USER),
    "a url with a space": ({"scene": {"url": "https://example.org/my cart.blend"}}, NOT_ENCODED),
    "a url with a line break": ({"scene": {"url": URL + "\n"}}, NOT_ENCODED),
    "a url beyond ASCII": ({"scene": {"url": "https://example.org/wägen.blend"}}, NOT_ENCODED),
    "a url without a host": ({"scene": {"url": "https:///cart.blend"}}, NOT_COMPLETE),
    "a url that ends early": ({"scene": {"url": "https://"}}, NOT_COMPLETE),
    "a url with a port alone": ({"scene": {"url": "https://:443/cart.blend"}}, NOT_COMPLETE),
    "a url with a port in words": ({"scene": {"url": "https://example.org:https/cart.blend"}}, NOT_COMPLETE),
    "a url with a fragment": ({"scene": {"url": URL + "#top"}}, NOT_COMPLETE),
    "a url with backslashes": ({"scene": {"url": "https://example.org\\@127.0.0.1/a.blend"}}, NO_USER),
    "a url with a backslash": ({"scene": {"url": "https://example.org\\a.blend"}}, NOT_COMPLETE),
    "a url that is too long": ({"scene": {"url": "https://example.org/" + "a" * 2029}}, "may not be more than 2048"),
    "a volume without a path": ({"scene": {"volume": {"claimName": "scenes"}}}, "spec.scene.volume.path: Required"),
    "a path without a volume": ({"scene": {"volume": {"path": "a.blend"}}}, "spec.scene.volume.claimName: Required"),
    "a volume of no such name": (
        on_volume("a.blend", claim="../scenes"),
        "scene.volume.claimName must be the name of a PersistentVolumeClaim",
    ),
    "no path on a volume": (on_volume(""), "spec.scene.volume.path"),
    "an absolute path on a volume": (on_volume("/a.blend"), "write it without a / at the beginning"),
    "a path out of a volume": (on_volume("shots/../../a.blend"), NO_DOTS),
    "the folder above": (on_volume(".."), NO_DOTS),
    "the top of a volume": (on_volume("."), NO_DOTS),
    "an empty part of a path": (on_volume("shots//a.blend"), NOT_NAMES),
    "a path that ends in a slash": (on_volume("shots/"), NOT_NAMES),
    "a path with a line break": (on_volume("shots\n/a.blend"), NOT_NAMES),
    "a path with a zero": (on_volume("a\0.blend"), NOT_NAMES),
    "a path that is too long": (on_volume("a" * 1025), "may not be more than 1024"),
    "a scene in the home folder": (
        on_volume("a.blend", claim="home") | {"workspace": {"claimName": "home"}},
        "scene.volume.claimName must not be the claim of workspace, which is the home folder already",
    ),
    "an upload that is no object": ({"scene": {"upload": True}}, "spec.scene.upload"),
    "an upload of a name": ({"scene": {"upload": {"name": "a.blend"}}}, 'unknown field "spec.scene.upload.name"'),
    "a field that does not exist": ({"scene": {"file": "cart.blend"}}, 'unknown field "spec.scene.file"'),
    "a misspelt field": ({"diplay": {"width": 640}}, 'unknown field "spec.diplay"'),
    "an owner with a slash": ({"owner": "studio/alice"}, NOT_AN_OWNER),
    "an owner with a space": ({"owner": "alice smith"}, NOT_AN_OWNER),
    "an owner beyond ASCII": ({"owner": "jürgen"}, NOT_AN_OWNER),
    "an empty owner": ({"owner": ""}, "leave owner out for a session without an owner"),
    "an owner that looks like an option": ({"owner": "-alice"}, NOT_AN_OWNER),
    "an owner with a line break": ({"owner": "alice\n"}, NOT_AN_OWNER),
    "an owner that is too long": ({"owner": "o" * 129}, "Too long: may not be more than 128"),
    "a desktop that is too narrow": ({"display": {"width": 319}}, "greater than or equal to 320"),
    "a desktop that is too wide": ({"display": {"width": 3841}}, "less than or equal to 3840"),
    "a desktop that is too low": ({"display": {"height": 239}}, "greater than or equal to 240"),
    "a desktop that is too high": ({"display": {"height": 2161}}, "less than or equal to 2160"),
    "a negative width": ({"display": {"width": -1280}}, "greater than or equal to 320"),
    "a width in words": ({"display": {"width": "1280"}}, 'must be of type integer: "string"'),
    "half a pixel": ({"display": {"width": 1280.5}}, "must be of type integer"),
    "a colour depth that VNC lacks": ({"display": {"colorDepth": 32}}, 'supported values: "8", "16", "24"'),
    "readOnly in words": ({"display": {"readOnly": "yes"}}, 'must be of type boolean: "string"'),
    "a middle button in words": ({"input": {"emulateMiddleButton": "yes"}}, 'must be of type boolean: "string"'),
    "a keypad as a number": ({"input": {"emulateNumpad": 1}}, 'must be of type boolean: "integer"'),
    "another preference": ({"input": {"emulateMouse": True}}, 'unknown field "spec.input.emulateMouse"'),
    "no connections": ({"connections": {"max": 0}}, "greater than or equal to 1"),
    "too many connections": ({"connections": {"max": 1001}}, "less than or equal to 1000"),
    "no connection for a user": ({"connections": {"maxPerUser": 0}}, "greater than or equal to 1"),
    "more for a user than for all": (
        {"connections": {"max": 2, "maxPerUser": 3}},
        "connections.maxPerUser must not be above connections.max",
    ),
    "more for a user than the default for all": (
        {"connections": {"maxPerUser": 11}},
        "lower maxPerUser or raise max",
    ),
    "a cpu request above its limit": (
        {"resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}},
        "resources.requests must not be above resources.limits",
    ),
    "a memory request above its limit": (
        {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "2000Mi"}}},
        "lower the request or raise the limit of the same resource",
    ),
    "an amount that is no quantity": (
        {"resources": {"limits": {"memory": "4 GB"}}},
        "amounts are Kubernetes quantities",
    ),
    "an amount of nothing": ({"resources": {"requests": {"cpu": 0}}}, "amounts must be above zero"),
    "a negative amount": ({"resources": {"limits": {"memory": "-1Gi"}}}, "amounts must be above zero"),
    "a resource that does not exist": ({"resources": {"limits": {"mem": "1Gi"}}}, "a resource is named cpu, memory"),
    "a viewer with a space": ({"viewers": ["bob smith"]}, "viewers must be Guacamole user names"),
    "an empty viewer": ({"viewers": [""]}, "viewers must be Guacamole user names"),
    "a viewer twice": ({"viewers": ["bob", "bob"]}, "Duplicate value"),
    "the owner as a viewer": (
        {"owner": "alice", "viewers": ["bob", "alice"]},
        "viewers must not hold the owner, who is let in already",
    ),
    "too many viewers": ({"viewers": [f"v{number}" for number in range(17)]}, "must have at most 16 items"),
    "a class in capitals": ({"className": "Large"}, "className must be the name of a BlenderSessionClass"),
    "an empty class": ({"className": ""}, "className must be the name of a BlenderSessionClass"),
    "a workspace of neither kind": ({"workspace": {}}, "workspace needs exactly one of size"),
    "a workspace of both kinds": (
        {"workspace": {"size": "1Gi", "claimName": "home"}},
        "workspace needs exactly one of size",
    ),
    "a workspace of nothing": ({"workspace": {"size": "0"}}, "workspace.size must be a quantity above zero"),
    "a workspace of 10 GB": ({"workspace": {"size": "10 GB"}}, "workspace.size must be a quantity above zero"),
    "a class of storage for a volume that there is": (
        {"workspace": {"claimName": "home", "storageClassName": "fast"}},
        "storageClassName and reclaimPolicy go with size",
    ),
    "a claim that would be deleted": (
        {"workspace": {"claimName": "home", "reclaimPolicy": "Delete"}},
        "a claim that you name in claimName is never made nor deleted",
    ),
    "a claim that is a path": ({"workspace": {"claimName": "../home"}}, "must be the name of a PersistentVolumeClaim"),
    "no time at all": ({"lifetime": {"idleAfter": "0s"}}, NOT_A_DURATION),
    "a negative time": ({"lifetime": {"maxAge": "-1h"}}, NOT_A_DURATION),
    "a time without a unit": ({"lifetime": {"maxAge": "30"}}, NOT_A_DURATION),
    "a time in days": ({"lifetime": {"maxAge": "7d"}}, NOT_A_DURATION),
    "a time above a year": ({"lifetime": {"maxAge": "8761h"}}, NOT_A_DURATION),
    "a time of five parts": ({"lifetime": {"maxAge": "1h1h1h1h1h"}}, NOT_A_DURATION),
    "a time of six digits": ({"lifetime": {"maxAge": "100000ms"}}, NOT_A_DURATION),
    "a time beyond all measure": ({"lifetime": {"maxAge": "9999999999999h"}}, NOT_A_DURATION),
    "a time as a number": ({"lifetime": {"maxAge": 30}}, 'must be of type string: "integer"'),
    "another end": ({"lifetime": {"onExpiry": "Archive"}}, 'supported values: "Suspend", "Delete"'),
    "two desktops": ({"replicas": 2}, "replicas must be 0, which suspends the session, or 1"),
    "suspend in words": ({"suspend": "yes"}, 'must be of type boolean: "string"'),
    "requests as a list": ({"resources": {"requests": ["cpu"]}}, "must be of type object"),
}


def create(api: Api, namespace: str, spec: Mapping[str, object], name: str = "session") -> dict[str, object]:
    return api.create_session(namespace, {"metadata": {"name": name}, "spec": spec}, dryRun="All")


def test_the_table_is_as_long_as_we_promise() -> None:
    assert len(ACCEPTED) + len(REFUSED) >= 40


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(api: Api, shared_namespace: str, name: str) -> None:
    create(api, shared_namespace, ACCEPTED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_message_that_helps(api: Api, shared_namespace: str, name: str) -> None:
    spec, message = REFUSED[name]
    with pytest.raises(ApiError) as refusal:
        create(api, shared_namespace, spec)
    assert refusal.value.status in {400, 422}
    assert message in refusal.value.message


def test_each_path_gets_one_answer_not_two(api: Api, shared_namespace: str) -> None:
    with pytest.raises(ApiError) as refusal:
        create(api, shared_namespace, {"scene": {"sample": "../cart"}})
    assert NOT_A_PATH in refusal.value.message
    assert NOT_A_SAMPLE not in refusal.value.message


def test_a_name_of_63_characters_is_accepted(api: Api, shared_namespace: str) -> None:
    create(api, shared_namespace, {}, name="n" * 63)


def test_a_name_of_64_characters_is_refused(api: Api, shared_namespace: str) -> None:
    with pytest.raises(ApiError) as refusal:
        create(api, shared_namespace, {}, name="n" * 64)
    assert "metadata.name must be at most 63 characters long: choose a shorter name" in refusal.value.message


def test_a_session_without_a_spec_is_accepted(api: Api, shared_namespace: str) -> None:
    made = api.create_session(shared_namespace, {"metadata": {"name": "bare"}}, dryRun="All")
    assert made["spec"]


def test_the_scene_may_change_and_the_rules_hold_for_changes_too(api: Api, namespace: str) -> None:
    api.create_session(namespace, {"metadata": {"name": "session"}, "spec": {"scene": {"sample": "a.blend"}}})
    address = f"apis/blendersessions.io/v1alpha1/namespaces/{namespace}/blendersessions/session"
    patch = "application/merge-patch+json"
    changed = api.request("PATCH", address, {"spec": {"scene": {"sample": "b.blend"}}}, patch)
    assert changed["spec"]["scene"] == {"sample": "b.blend"}  # type: ignore[index]
    with pytest.raises(ApiError, match=NOT_A_PATH):
        api.request("PATCH", address, {"spec": {"scene": {"sample": "../b.blend"}}}, patch)


OWNER_STAYS = "owner can neither be changed, added nor removed later: delete the session, and create it again"
UNCHANGEABLE: dict[str, tuple[Spec, Spec, str]] = {
    "the owner": ({"owner": "alice"}, {"owner": "mallory"}, OWNER_STAYS),
    "no owner to one": ({}, {"owner": "mallory"}, OWNER_STAYS),
    "an owner to none": ({"owner": "alice"}, {"owner": None}, OWNER_STAYS),
    "the owner by way of the viewers": (
        {"owner": "alice", "viewers": ["mallory"]},
        {"owner": "mallory", "viewers": ["alice"]},
        OWNER_STAYS,
    ),
    "the class": ({"className": "small"}, {"className": "large"}, "className cannot be changed"),
    "no workspace to one": ({}, {"workspace": {"size": "1Gi"}}, "workspace can neither be added nor removed later"),
    "a workspace to none": ({"workspace": {"size": "1Gi"}}, {"workspace": None}, "can neither be added nor removed"),
    "a smaller workspace": ({"workspace": {"size": "2Gi"}}, {"workspace": {"size": "1Gi"}}, "size cannot shrink"),
    "another claim": (
        {"workspace": {"claimName": "a"}},
        {"workspace": {"claimName": "b"}},
        "workspace.claimName cannot be changed",
    ),
    "a made volume to a named one": (
        {"workspace": {"size": "1Gi"}},
        {"workspace": {"size": None, "claimName": "b"}},
        "workspace cannot change between size and claimName",
    ),
    "another class of storage": (
        {"workspace": {"size": "1Gi", "storageClassName": "slow"}},
        {"workspace": {"storageClassName": "fast"}},
        "workspace.storageClassName cannot be changed",
    ),
    "a class of storage that is named later": (
        {"workspace": {"size": "1Gi"}},
        {"workspace": {"storageClassName": "fast"}},
        "workspace.storageClassName cannot be changed",
    ),
    "a class of storage that is taken off": (
        {"workspace": {"size": "1Gi", "storageClassName": "slow"}},
        {"workspace": {"storageClassName": None}},
        "workspace.storageClassName cannot be changed",
    ),
    "a volume that goes to one that is kept": (
        {"workspace": {"size": "1Gi"}},
        {"workspace": {"reclaimPolicy": "Retain"}},
        "workspace.reclaimPolicy cannot be changed",
    ),
    "a volume that is kept to one that goes": (
        {"workspace": {"size": "1Gi", "reclaimPolicy": "Retain"}},
        {"workspace": {"reclaimPolicy": None}},
        "workspace.reclaimPolicy cannot be changed",
    ),
}


@pytest.mark.parametrize("name", UNCHANGEABLE)
def test_what_cannot_be_changed_says_so(api: Api, namespace: str, name: str) -> None:
    before, after, message = UNCHANGEABLE[name]
    api.create_session(namespace, {"metadata": {"name": "session"}, "spec": before})
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/session"
    with pytest.raises(ApiError) as refusal:
        api.request("PATCH", address, {"spec": after}, "application/merge-patch+json")
    assert message in refusal.value.message


def test_a_workspace_may_grow(api: Api, namespace: str) -> None:
    api.create_session(namespace, {"metadata": {"name": "session"}, "spec": {"workspace": {"size": "1Gi"}}})
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/session"
    api.request("PATCH", address, {"spec": {"workspace": {"size": "2048Mi"}}}, "application/merge-patch+json")


def test_what_is_so_anyway_may_be_written_down_later(api: Api, namespace: str) -> None:
    api.create_session(namespace, {"metadata": {"name": "session"}, "spec": {"workspace": {"size": "1Gi"}}})
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/session"
    api.request("PATCH", address, {"spec": {"workspace": {"reclaimPolicy": "Delete"}}}, "application/merge-patch+json")


def test_what_applies_live_may_change(api: Api, namespace: str) -> None:
    api.create_session(namespace, {"metadata": {"name": "session"}, "spec": {"owner": "alice", "viewers": ["bob"]}})
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/session"
    spec = {"viewers": ["carol"], "suspend": True, "lifetime": {"maxAge": "2h"}}
    changed = api.request("PATCH", address, {"spec": spec}, "application/merge-patch+json")
    assert spec.items() <= changed["spec"].items()  # type: ignore[attr-defined]
