"""What the API server takes and what it refuses, and that a refusal says what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.api import Api, ApiError

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
    "one connection": {"connections": {"max": 1}},
    "the most connections": {"connections": {"max": 1000, "maxPerUser": 1000}},
    "fewer for each user": {"connections": {"max": 5, "maxPerUser": 5}},
    "fewer for each user than the default": {"connections": {"maxPerUser": 2}},
    "requests alone": {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}},
    "limits alone": {"resources": {"limits": {"cpu": 2, "memory": "4Gi"}}},
    "requests up to the limits": {"resources": {"requests": {"cpu": "1000m"}, "limits": {"cpu": 1}}},
    "a device": {"resources": {"limits": {"nvidia.com/gpu": 1}}},
    "a request whose limit is left out": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"cpu": "1"}}},
    "a fraction of a core": {"resources": {"requests": {"cpu": "0.25"}, "limits": {"cpu": "250m"}}},
}

NOT_A_PATH = "scene.sample must be a file name, not a path: write 'shopping_cart.blend'"
NOT_A_SAMPLE = "scene.sample must be the file name of a sample, such as 'shopping_cart.blend'"
NOT_AN_OWNER = "owner must be a Guacamole user name"

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
    "two sources": (
        {"scene": {"sample": "cart.blend", "url": "https://example.org/cart.blend"}},
        "scene has more than one source: give exactly one, scene.sample",
    ),
    "two other sources": (
        {"scene": {"url": "https://example.org/cart.blend", "volume": {"claimName": "scenes", "path": "cart.blend"}}},
        "scene has more than one source",
    ),
    "a url": (
        {"scene": {"url": "https://example.org/cart.blend"}},
        "scene.url is not served by this version: name a scene of the Blender image in scene.sample",
    ),
    "a volume": ({"scene": {"volume": {"claimName": "scenes"}}}, "scene.volume is not served by this version"),
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
    "requests as a list": ({"resources": {"requests": ["cpu"]}}, "must be of type object"),
}


def create(api: Api, namespace: str, spec: Mapping[str, object], name: str = "session") -> dict[str, object]:
    return api.create_session(namespace, {"metadata": {"name": name}, "spec": spec}, dryRun="All")


@pytest.fixture(scope="module")
def shared_namespace(api: Api) -> str:
    """One namespace for all rows: dry runs leave nothing there."""
    return api.create_namespace()


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
