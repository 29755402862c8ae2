"""Objects that somebody sends to do harm: 200 of them, the same ones in each run."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apiserver.crds import load
from blendersessions.model.names import name_for

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]

SEED = 12
NUMBER = 200
SESSION, CLASS = "BlenderSession", "BlenderSessionClass"
LONGEST_NAME = "n" + "0" * 62

_TEXTS = (
    "",
    " ",
    "x" * 5000,
    "a\x00b",
    "a\r\nb: c",
    "\u202emoc.elpmaxe",
    "\U0001d573\u00eb\u0301\ufeff",
    "\ud800",
    "\u0661",
    "../../etc/passwd",
    "$(id) `id` {{7*7}} %s %n {0}",
    "'; DROP TABLE guacamole_user; --",
    "null",
    "-1",
    "1e300",
    "1E1000",
    "0.0000001",
    "-0",
    "9223372036854775808",
    "1Ki1Ki",
    "8E",
    "0s",
    "1ms",
    "8760h",
    "99999h99999h",
    "nan",
)
_NUMBERS = (-1, 0, 1, 64, 2**31, 2**63 - 1, -(2**63), 10**400, 1.5, 1e300)
_OTHERS = (None, True, [], {}, [[]], {"": {}})
_FITTING = {
    "owner": ("ann", "o" * 128),
    "viewers": (["ann"], [f"v{number}" for number in range(65)], ["bo", "bo"], ["\u00e4"]),
    "className": ("default", "gone", "c" * 63),
    "url": ("https://example.org/a.blend", "https://169.254.169.254/", "https://a@b/", "https://[::1]:0/$(PATH)"),
    "sha256": ("0" * 64, "z" * 64),
    "path": ("a.blend", "..", "a/../../b", "\u202e/$(HOME)", "-rf"),
    "volume": ({"claimName": "gone", "path": "a.blend"}, {"claimName": "-", "path": "/"}),
    "upload": ({}, True, {"path": "/etc"}),
    "maxBytes": (1, 2**40, 2**63),
    "caConfigMap": ("gone", "a/b"),
    "configMap": ("gone", "kube-root-ca.crt", "a/b"),
    "key": ("start.blend", "..", "a/b"),
    "blenderVersion": ("5.2", "5.2; rm", "999.999.999", "\u0665.\u0662"),
    "sample": ("shopping_cart.blend", "a" * 122 + ".blend"),
    "size": ("1Gi", 1, "8E", "1e300", "1m"),
    "maxSize": ("1Gi", 1, "8E", "1e300", "1m"),
    "claimName": ("mine", "c" * 253, "a.b"),
    "storageClassName": ("fast", "", "No Such Class"),
    "requests": ({"cpu": "1m"}, {"memory": "0.0000001"}, {"cpu": "1e300"}, {"example.org/fuse": "1.5"}),
    "limits": ({"memory": "1"}, {"cpu": "8E", "memory": "8E"}, {"requests.cpu/x": 1}, {"-": 1}, {"cpu": "-1"}),
    "max": (1, 1000, {"memory": "1"}, {"nvidia.com/gpu": 0}, {"cpu": 0}, {"cpu": "1e-300"}),
    "nodeSelector": ({"a": "b"}, {"": ""}, {"x" * 400: "y"}, {"a": "not a value!"}),
    "affinity": ({"nodeAffinity": 1}, {"x" * 1000: {"y": ["z"] * 1000}}, {}),
    "tolerations": ([{"operator": "Exists"}], [{"key": "not a key!", "effect": "NoExecute"}], [{}] * 33),
    "image": ("", "x:y:z", "\u00e4", "registry.example.org/" + "p/" * 400),
    "imagePullSecrets": ([{"name": "a"}], [{"name": "Not A Name"}], [{"name": "a"}] * 16),
    "runtimeClassName": ("gvisor", "Not A Name"),
}
"""Values of the right type, some of which the API server takes and a later step refuses."""


@dataclass(frozen=True)
class Hostile:
    """One object, and a status that somebody writes into it by hand."""

    kind: str
    metadata: Object
    spec: object
    status: Object = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.metadata["name"])

    @property
    def body(self) -> Object:
        """What is sent."""
        return {
            "apiVersion": "blendersessions.io/v1alpha1",
            "kind": self.kind,
            "metadata": self.metadata,
            "spec": self.spec,
        }


def hostile_objects() -> list[Hostile]:
    """All objects: those by hand, and then as many from the schemas as make up the number."""
    made = [*_by_hand()]
    chance = random.Random(SEED)  # noqa: S311 - repeatable, and no secret
    schemas = {crd["spec"]["names"]["kind"]: _spec_schema(crd) for crd in load()}
    while len(made) < NUMBER:
        kind = SESSION if chance.random() < 0.7 else CLASS
        made.append(Hostile(kind, {"name": f"fuzzed-{len(made)}"}, _spec(schemas[kind], chance)))
    return made


def _spec_schema(crd: Object) -> Object:
    return dict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])


def _spec(schema: Object, chance: random.Random) -> Object:
    """A spec of a few fields, of which one or two are hostile."""
    names = chance.sample(sorted(schema["properties"]), chance.randint(1, 3))
    return {name: _value(name, schema["properties"][name], chance) for name in names}


def _value(name: str, schema: Object, chance: random.Random) -> object:
    if chance.random() < 0.1:
        return chance.choice([*_TEXTS, *_NUMBERS, *_OTHERS])
    if name in _FITTING and not (name == "limits" and "sessions" in schema.get("properties", {})):
        return chance.choice(_FITTING[name])
    if "enum" in schema:
        return chance.choice([*schema["enum"], "Nothing"])
    if properties := schema.get("properties"):
        return {each: _value(each, properties[each], chance) for each in chance.sample(sorted(properties), 1)}
    bounds = [schema[key] for key in ("minimum", "maximum") if key in schema]
    values: dict[str, tuple[object, ...]] = {"integer": (*bounds, *_NUMBERS), "boolean": (True, False, "yes")}
    return chance.choice(values.get(str(schema.get("type")), _TEXTS))


def _by_hand() -> Iterator[Hostile]:
    """Those that no chance would find."""
    yield from _metadata()
    yield from _specs()
    for number, status in enumerate(_statuses()):
        lifetime = {"maxAge": "8760h", "idleAfter": "8760h"}
        yield Hostile(SESSION, {"name": f"status-{number}"}, {"lifetime": lifetime}, status)


def _metadata() -> Iterator[Hostile]:
    deep: object = "end"
    for _ in range(200):
        deep = [deep]
    foreign_owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "gone",
        "uid": "00000000-0000-4000-8000-00000000000a",
    }
    other_uid = "00000000-0000-4000-8000-00000000000b"
    ours = {
        "app.kubernetes.io/managed-by": "blender-sessions",
        "app.kubernetes.io/name": "blender-desktop",
        "blendersessions.io/session-uid": other_uid,
        "blendersessions.io/desktop-name": name_for(other_uid),
    }
    for kind in (SESSION, CLASS):
        yield Hostile(kind, {"name": LONGEST_NAME}, {})
        yield Hostile(kind, {"name": LONGEST_NAME + "1"}, {})
        for name in ("x" * 300, "a.b", "\u00e4", "a/b", "..", "-", "A", "a b", "default.", "0"):
            yield Hostile(kind, {"name": name}, {})
        short = "session" if kind == SESSION else "class"
        yield Hostile(kind, {"name": f"{short}-annotated", "annotations": {"a": "x" * 250_000}}, {})
        yield Hostile(kind, {"name": f"{short}-annotated-more", "annotations": {"a": "x" * 263_000}}, {})
        yield Hostile(kind, {"name": f"{short}-annotated-deep", "annotations": {"a": deep}}, {})
        yield Hostile(kind, {"name": f"{short}-annotated-oddly", "annotations": {"a": "\ud800\x00\u202e"}}, {})
        yield Hostile(kind, {"name": f"{short}-labelled-as-ours", "labels": ours}, {})
        yield Hostile(kind, {"name": f"{short}-owned", "ownerReferences": [foreign_owner | {"controller": True}]}, {})
        yield Hostile(kind, {"name": f"{short}-deep"}, deep)
        yield Hostile(kind, {"name": f"{short}-large", "labels": {"a": "b" * 64}}, {"image": "x" * 1_000_000})
        yield Hostile(kind, {"name": f"{short}-text"}, "spec")
    yield Hostile(SESSION, {"name": "finalized", "finalizers": ["example.org/mine"]}, {})
    yield Hostile(SESSION, {"name": "annotated", "annotations": {"blendersessions.io/other": "x" * 200_000}}, {})
    yield Hostile(SESSION, {"name": "expires-at-once"}, {"lifetime": {"maxAge": "1ms"}})
    yield Hostile(SESSION, {"name": "scaled-to-zero"}, {"replicas": 0})
    yield Hostile(SESSION, {"name": "two-replicas"}, {"replicas": 2})


def _specs() -> Iterator[Hostile]:
    specs: dict[str, Object] = {
        "many-viewers": {"owner": "o" * 128, "viewers": ["v" * 120 + str(number) for number in range(12)]},
        "twice-the-viewer": {"viewers": ["bo", "bo"]},
        "owner-as-viewer": {"owner": "bo", "viewers": ["bo"]},
        "administrator": {"owner": "guacadmin"},
        "number-as-size": {"workspace": {"size": 1}},
        "endless-size": {"workspace": {"size": "1e300"}},
        "negative-size": {"workspace": {"size": "-1"}},
        "tiny-size": {"workspace": {"size": "0.0000001"}},
        "no-such-claim": {"workspace": {"claimName": "gone"}},
        "no-such-scenes": {"scene": {"volume": {"claimName": "gone", "path": "$(BLENDER_SCENE)/-rf"}}},
        "metadata-as-scene": {"scene": {"url": "https://169.254.169.254/latest/$(PATH)"}},
        "scene-from-inside": {"scene": {"url": "https://[::1]/a.blend"}, "className": "open-to-all"},
        "upload-to-nobody": {"scene": {"upload": {}}, "className": "takes-nothing"},
        "files-that-are-gone": {"className": "brings-nothing"},
        "upload-to-all": {"scene": {"upload": {}}},
        "endless-amounts": {"resources": {"requests": {"cpu": "1e300"}, "limits": {"memory": "1e300"}}},
        "negative-amount": {"resources": {"limits": {"memory": "-1"}}},
        "tiny-amounts": {"resources": {"requests": {"cpu": "0.0000001", "memory": "0.0000001"}}},
        "device": {"resources": {"limits": {"nvidia.com/gpu": 8}}},
        "at-once-over": {"lifetime": {"maxAge": "1ms", "onExpiry": "Delete"}},
        "suspended": {"suspend": True, "workspace": {"size": "1Gi"}},
        "class-of-the-longest-name": {"className": LONGEST_NAME},
    }
    for name, spec in specs.items():
        yield Hostile(SESSION, {"name": name}, spec)
    classes: dict[str, Object] = {
        "zero": {"resources": {"max": {"cpu": 0}}},
        "no-device": {"resources": {"max": {"nvidia.com/gpu": 0}}},
        "endless": {"resources": {"max": {"cpu": "1e300"}}, "workspace": {"maxSize": "1e300"}},
        "huge-affinity": {"affinity": {"nodeAffinity": {"x" * 100: ["\u202e" * 1000] * 30}}},
        "bad-selector": {"nodeSelector": {"a": "no value of a label!"}},
        "bad-tolerations": {"tolerations": [{"key": "no key!"}] * 32},
        "bad-image": {"image": "\u00e4:\u00e4:\u00e4"},
        "open-to-all": {"egress": "Public", "transfer": {"caConfigMap": "gone", "maxBytes": 1, "fetchTimeout": "1ms"}},
        "takes-nothing": {"transfer": {"upload": False, "download": False, "uploadDeadline": "1ms"}},
        "brings-nothing": {
            "extensions": {"configMap": "gone"},
            "startupFile": {"claimName": "gone", "path": "$(HOME)"},
        },
        "nobody": {"limits": {"viewers": 0, "connections": 1, "connectionsPerUser": 1}},
    }
    for name, spec in classes.items():
        yield Hostile(CLASS, {"name": name}, spec)


def _statuses() -> Iterator[Object]:
    long_ago, never = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
    foreign = {"status": "True", "reason": "Mine", "message": "m", "observedGeneration": 1}
    foreign["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    for moment in (long_ago, never):
        yield {"startedAt": moment, "readyAt": moment, "queuedAt": moment, "activity": {"lastActiveAt": moment}}
        yield {"suspension": {"reason": "Idle", "at": moment, "resume": ""}}
        yield {
            "lastTermination": {"reason": "not a reason!", "message": "x" * 32768, "at": moment, "noticePending": True}
        }
        yield {"conditions": [foreign | {"type": "Ready", "lastTransitionTime": moment, "observedGeneration": 2**62}]}
        yield {"conditions": [foreign | {"type": "Mine", "lastTransitionTime": moment}]}
    yield {"conditions": [foreign | {"type": f"Mine{number}"} for number in range(16)]}
    yield {
        "desktop": {"name": "../../secrets"},
        "workspace": {"claimName": "\u202e"},
        "connection": {"identifier": "/../1"},
    }
    yield {"desktop": {"name": name_for("00000000-0000-4000-8000-00000000000c")}}
    yield {"clientURL": "javascript:alert(1)", "viewURL": "\u202e", "phase": "Ready", "observedGeneration": 2**62}
    yield {"blender": {"version": "\u202e"}, "scene": {"name": "../\n" + "x" * 251}}
    yield {"queuePosition": 2**31 - 1, "startup": {"path": "Warm", "seconds": 1e308}, "activity": {"users": 2**31 - 1}}
