"""What the API server takes as a class and what it refuses, and that a refusal says what to write instead."""

from __future__ import annotations

import pytest

from apiserver.api import SESSIONS, Api, ApiError
from blendersessions.model.session_class import parse_session_class

Spec = dict[str, object]

ACCEPTED: dict[str, Spec] = {
    "transfers": {"transfer": {"upload": False, "download": False, "maxBytes": 1099511627776, "caConfigMap": "our.ca"}},
    "no word about transfers": {"transfer": {}},
    "times of transfers": {"transfer": {"fetchTimeout": "30s", "uploadDeadline": "24h"}},
    "a Blender": {"blenderVersion": "5.2"},
    "an exact Blender": {"blenderVersion": "4.3.2"},
    "an empty spec": {},
    "an image": {"image": "registry.example.org/blender:4.3"},
    "resources up to their ceiling": {
        "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": 2}, "max": {"cpu": "2000m", "memory": "8Gi"}}
    },
    "a device": {"resources": {"limits": {"nvidia.com/gpu": 1}, "max": {"nvidia.com/gpu": 2}}},
    "no device": {"resources": {"max": {"nvidia.com/gpu": 0}}},
    "people in a session": {"limits": {"viewers": 0, "connections": 5, "connectionsPerUser": 1}},
    "a largest volume": {"workspace": {"maxSize": "20Gi"}},
    "a largest volume in bytes": {"workspace": {"maxSize": 1073741824}},
    "a lifetime up to its ceiling": {
        "lifetime": {"maxAge": "8h", "idleAfter": "30m", "ceiling": {"maxAge": "480m", "idleAfter": "1h"}}
    },
    "ceilings alone": {"lifetime": {"ceiling": {"maxAge": "24h"}}},
    "what happens then": {"lifetime": {"onExpiry": "Delete"}},
    "an end by the workspace": {"lifetime": {"onExpiry": "Auto"}},
    "limits": {"limits": {"sessions": 20, "sessionsPerOwner": 2}},
    "who may own": {"owners": ["ann", "*@example.org", "guest-*"]},
    "who may view": {"viewers": ["*"]},
    "no viewers": {"viewers": []},
    "a deadline": {"startDeadline": "90s"},
    "time to save": {"saving": {"timeout": "3m", "waitForWork": "2h"}},
    "where it runs": {
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
        "runtimeClassName": "gvisor",
    },
    "a way out": {"egress": "Public"},
    "laptops": {"input": {"emulateMiddleButton": True, "emulateNumpad": False}},
    "a pool": {"warmPool": {"size": 3}},
    "a pool of nothing": {"warmPool": {"size": 0, "maxSize": 0}},
    "a large pool with everything": {
        "warmPool": {
            "size": 1000,
            "maxSize": 1000,
            "scene": "shopping_cart.blend",
            "expireAfter": "8h",
            "schedule": [
                {"cron": "30 7 * * 1-5", "timeZone": "Europe/Berlin", "size": 20},
                {"cron": "0 19 * * MON-FRI", "size": 0},
            ],
        }
    },
    "extensions in a ConfigMap": {"extensions": {"configMap": "studio.add-ons"}},
    "extensions on a volume": {"extensions": {"claimName": "add-ons"}},
    "extensions in a folder": {"extensions": {"claimName": "add-ons", "path": "blender/5.2 ü"}},
    "files of a ConfigMap": {
        "startupFile": {"configMap": "studio", "key": "start.blend"},
        "preferences": {"configMap": "studio", "key": "userpref.blend"},
    },
    "files on a volume": {
        "startupFile": {"claimName": "add-ons", "path": "start.blend"},
        "preferences": {"claimName": "add-ons", "path": "blender/userpref.blend"},
    },
    "a private registry": {"imagePullSecrets": [{"name": "registry"}]},
}

NOT_A_DURATION = "must be a duration above zero and at most 8760h, such as '30m', '1h30m' or '90s'"

REFUSED: dict[str, tuple[Spec, str]] = {
    "a pool above its bound": (
        {"warmPool": {"size": 5, "maxSize": 4}},
        "warmPool.size must not be above warmPool.maxSize: lower it or raise maxSize",
    ),
    "a pool above the bound that it has by default": (
        {"warmPool": {"size": 51}},
        "warmPool.size must not be above warmPool.maxSize: lower it or raise maxSize",
    ),
    "a scheduled pool above its bound": (
        {"warmPool": {"size": 1, "maxSize": 4, "schedule": [{"cron": "0 8 * * *", "size": 5}]}},
        "a size in warmPool.schedule must not be above warmPool.maxSize",
    ),
    "a pool below nothing": ({"warmPool": {"size": -1}}, "should be greater than or equal to 0"),
    "a pool of all nodes": (
        {"warmPool": {"size": 100000, "maxSize": 100000}},
        "should be less than or equal to 1000",
    ),
    "a pool without a size": ({"warmPool": {"maxSize": 4}}, "size: Required value"),
    "a pool with a path": (
        {"warmPool": {"size": 1, "scene": "../cart.blend"}},
        "warmPool.scene must be the file name of a sample, such as 'shopping_cart.blend'",
    ),
    "a pool that is always too old": ({"warmPool": {"size": 1, "expireAfter": "0s"}}, NOT_A_DURATION),
    "a pool that is too old before it has started": (
        {"warmPool": {"size": 1, "expireAfter": "9m59s"}},
        "warmPool.expireAfter must be at least 10m",
    ),
    "a schedule without its days": (
        {"warmPool": {"size": 1, "schedule": [{"cron": "0 8 * *", "size": 1}]}},
        "schedule.cron must have cron's five fields, such as '30 7 * * 1-5'",
    ),
    "a schedule in no time zone": (
        {"warmPool": {"size": 1, "schedule": [{"cron": "0 8 * * *", "timeZone": "../etc/passwd", "size": 1}]}},
        "schedule.timeZone must be the name of a time zone, such as 'Europe/Berlin'",
    ),
    "a default above its ceiling": (
        {"lifetime": {"maxAge": "9h", "ceiling": {"maxAge": "8h"}}},
        "lifetime.maxAge must not be above lifetime.ceiling.maxAge: lower it or raise the ceiling",
    ),
    "an idle time above its ceiling": (
        {"lifetime": {"idleAfter": "61m", "ceiling": {"idleAfter": "1h"}}},
        "lifetime.idleAfter must not be above lifetime.ceiling.idleAfter",
    ),
    "no time": ({"lifetime": {"maxAge": "0s"}}, NOT_A_DURATION),
    "a negative time": ({"lifetime": {"idleAfter": "-5m"}}, NOT_A_DURATION),
    "a time beyond all measure": ({"startDeadline": "9999999999999h"}, NOT_A_DURATION),
    "a ceiling of nothing": ({"lifetime": {"ceiling": {"maxAge": "0h"}}}, NOT_A_DURATION),
    "a deadline of nothing": ({"startDeadline": "0s"}, NOT_A_DURATION),
    "no time to save": ({"saving": {"timeout": "0s"}}, NOT_A_DURATION),
    "a wait without a unit": ({"saving": {"waitForWork": "10"}}, NOT_A_DURATION),
    "a limit above max": (
        {"resources": {"limits": {"memory": "16Gi"}, "max": {"memory": "8Gi"}}},
        "resources.limits must not be above resources.max",
    ),
    "a request above max": (
        {"resources": {"requests": {"cpu": 3}, "max": {"cpu": 2}}},
        "resources.requests must not be above resources.max",
    ),
    "a request above its limit": (
        {"resources": {"requests": {"cpu": 3}, "limits": {"cpu": 2}}},
        "resources.requests must not be above resources.limits",
    ),
    "an amount of nothing": ({"resources": {"limits": {"cpu": 0}}}, "amounts must be above zero"),
    "a ceiling of no cpu": ({"resources": {"max": {"cpu": 0}}}, "for Kubernetes takes a limit of zero as no limit"),
    "a ceiling of no disk": ({"resources": {"max": {"ephemeral-storage": "0"}}}, "must be above zero in max"),
    "a ceiling below nothing": ({"resources": {"max": {"nvidia.com/gpu": -1}}}, "amounts must not be below zero"),
    "volumes of nothing": (
        {"workspace": {"maxSize": 0}},
        "workspace.maxSize must be a quantity above zero, such as 20Gi",
    ),
    "volumes of no size": ({"workspace": {"maxSize": "large"}}, "workspace.maxSize must be a quantity above zero"),
    "fewer than no viewers": ({"limits": {"viewers": -1}}, "greater than or equal to 0"),
    "more viewers than there may be": ({"limits": {"viewers": 17}}, "less than or equal to 16"),
    "no connections": ({"limits": {"connections": 0}}, "greater than or equal to 1"),
    "no connections of a user": ({"limits": {"connectionsPerUser": 0}}, "greater than or equal to 1"),
    "an amount that is no quantity": ({"resources": {"max": {"memory": "8 GB"}}}, "amounts are Kubernetes quantities"),
    "no sessions": ({"limits": {"sessions": 0}}, "greater than or equal to 1"),
    "no sessions of an owner": ({"limits": {"sessionsPerOwner": -1}}, "greater than or equal to 1"),
    "no owners": ({"owners": []}, "should have at least 1 items"),
    "an owner with a slash": ({"owners": ["studio/*"]}, "owners must be Guacamole user names"),
    "a pattern of the shell": ({"viewers": ["[a-z]*"]}, "viewers must be Guacamole user names"),
    "an empty viewer": ({"viewers": [""]}, "viewers must be Guacamole user names"),
    "too many owners": ({"owners": [f"o{number}" for number in range(65)]}, "must have at most 64 items"),
    "another way out": ({"egress": "Everywhere"}, 'supported values: "None", "Public"'),
    "a middle button in words": ({"input": {"emulateMiddleButton": "yes"}}, 'must be of type boolean: "string"'),
    "a keypad in words": ({"input": {"emulateNumpad": "no"}}, 'must be of type boolean: "string"'),
    "a file of no bytes": ({"transfer": {"maxBytes": 0}}, "greater than or equal to 1"),
    "a file of any size": ({"transfer": {"maxBytes": 1099511627777}}, "less than or equal to 1099511627776"),
    "a file with a unit": ({"transfer": {"maxBytes": "2Gi"}}, 'must be of type integer: "string"'),
    "no time to fetch": ({"transfer": {"fetchTimeout": "0s"}}, NOT_A_DURATION),
    "no time to upload": ({"transfer": {"uploadDeadline": "1d"}}, NOT_A_DURATION),
    "uploads in words": ({"transfer": {"upload": "no"}}, 'must be of type boolean: "string"'),
    "downloads as a number": ({"transfer": {"download": 0}}, 'must be of type boolean: "integer"'),
    "authorities in a folder": ({"transfer": {"caConfigMap": "a/b"}}, "must be the name of a ConfigMap"),
    "no authorities": ({"transfer": {"caConfigMap": ""}}, "must be the name of a ConfigMap"),
    "a Blender of a name": ({"blenderVersion": "latest"}, "must be the version of the image's Blender, in quotes"),
    "a Blender of one number": ({"blenderVersion": "5"}, "such as '5.2' or '4.3.2'"),
    "a Blender without quotes": ({"blenderVersion": 5.2}, 'must be of type string: "number"'),
    "extensions from nowhere": (
        {"extensions": {}},
        "extensions has exactly one source: give configMap or claimName",
    ),
    "extensions from two places": (
        {"extensions": {"configMap": "a", "claimName": "b"}},
        "extensions has exactly one source: give configMap or claimName",
    ),
    "a folder in a ConfigMap": (
        {"extensions": {"configMap": "a", "path": "b"}},
        "extensions.path is a folder on the volume of extensions.claimName: give both, or leave path out",
    ),
    "extensions of another namespace": (
        {"extensions": {"configMap": "other/a"}},
        "extensions.configMap must be the name of a ConfigMap",
    ),
    "extensions of no claim": (
        {"extensions": {"claimName": "a_b"}},
        "extensions.claimName must be the name of a PersistentVolumeClaim",
    ),
    "a way out of the volume": (
        {"extensions": {"claimName": "a", "path": "b/../../c"}},
        "extensions.path must have no part '.' or '..', which could lead out of the volume",
    ),
    "a start-up file without a key": (
        {"startupFile": {"configMap": "a"}},
        "startupFile.key names the file in startupFile.configMap: give both, or neither",
    ),
    "a start-up file without a path": (
        {"startupFile": {"claimName": "a"}},
        "startupFile.path names the file on the volume of startupFile.claimName: give both, or neither",
    ),
    "a start-up file at the root": (
        {"startupFile": {"claimName": "a", "path": "/start.blend"}},
        "startupFile.path must be names with single / between them",
    ),
    "preferences from two places": (
        {"preferences": {"configMap": "a", "key": "b", "claimName": "c", "path": "d"}},
        "preferences has exactly one source: give configMap or claimName",
    ),
    "preferences of a key with a folder": (
        {"preferences": {"configMap": "a", "key": "b/c"}},
        "preferences.key must be a key of a ConfigMap: letters, digits and - _ .",
    ),
    "a key on a volume": (
        {"preferences": {"claimName": "c", "path": "d", "key": "b"}},
        "preferences.key names the file in preferences.configMap: give both, or neither",
    ),
    "a field that does not exist": ({"gpu": True}, 'unknown field "spec.gpu"'),
}


def create(api: Api, namespace: str, spec: Spec, name: str = "large") -> dict[str, object]:
    body = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSessionClass", "metadata": {"name": name}}
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessionclasses"
    return api.request("POST", address, body | {"spec": spec}, dryRun="All", fieldValidation="Strict")


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_read_as_it_is(api: Api, shared_namespace: str, name: str) -> None:
    made = create(api, shared_namespace, ACCEPTED[name])
    assert parse_session_class(made).spec_error == ""


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_message_that_helps(api: Api, shared_namespace: str, name: str) -> None:
    spec, message = REFUSED[name]
    with pytest.raises(ApiError) as refusal:
        create(api, shared_namespace, spec)
    assert refusal.value.status in {400, 422}
    assert message in refusal.value.message


def test_what_is_left_out_is_filled_in(api: Api, shared_namespace: str) -> None:
    assert create(api, shared_namespace, {})["spec"] == {"startDeadline": "10m", "egress": "None"}


def test_a_name_of_64_characters_is_refused(api: Api, shared_namespace: str) -> None:
    with pytest.raises(ApiError, match="at most 63 characters long"):
        create(api, shared_namespace, {}, "n" * 64)


def test_a_name_with_a_dot_is_refused(api: Api, shared_namespace: str) -> None:
    with pytest.raises(ApiError, match="or no session could name it: write 'large-scenes'"):
        create(api, shared_namespace, {}, "large.scenes")
