"""What a class names for its desktops must be there, and a volume must let the class use it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.errors import NotFound, System
from blendersessions.model.session_class import ClassSpec
from blendersessions_operator.planning.class_files import class_files_refusal
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.resources.pod import outdated, pod
from unit.operator.contexts import context_of
from unit.operator.factories import NOW, body, nothing_observed, session, settings

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.manifest import Manifest, Ref

ALL: Manifest = {
    "extensions": {"claimName": "add-ons", "path": "blender/$(HOME)"},
    "startupFile": {"configMap": "studio", "key": "start.blend"},
    "preferences": {"claimName": "add-ons", "path": "userpref.blend"},
}
EXTENSIONS, STARTUP, PREFERENCES = ClassSpec.model_validate(ALL).files


def class_body(spec: Manifest, name: str = "default") -> Manifest:
    meta = {"namespace": "art", "name": name, "uid": "00000000-0000-4000-8000-0000000000cc", "resourceVersion": "1"}
    return {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSessionClass", "metadata": meta, "spec": spec}


def refusal(source: Any, found: Manifest | None) -> tuple[str, str]:  # noqa: ANN401 - a source
    refused = class_files_refusal(session(), source, found)
    return (refused.reason, refused.message) if refused is not None else ("", "")


def claim(allowed: str) -> Manifest:
    return {"metadata": {"name": "add-ons", "annotations": {"blendersessions.io/class-files-for": allowed}}}


@pytest.mark.parametrize("allowed", ["default", " other , default,", "*"])
def test_a_claim_that_names_the_class_or_every_class_is_used(allowed: str) -> None:
    assert refusal(EXTENSIONS, claim(allowed)) == ("", "")


@pytest.mark.parametrize("found", [claim(""), claim("defaults"), {"metadata": {"name": "add-ons"}}])
def test_a_claim_that_does_not_allow_the_class_is_refused_with_the_way_out(found: Manifest) -> None:
    reason, message = refusal(EXTENSIONS, found)
    assert reason == "ClassFilesNotAllowed"
    assert message == (
        "The volume claim add-ons with the extensions of the class default does not allow the class: have somebody who "
        "may change claims allow it by kubectl annotate pvc add-ons -n art blendersessions.io/class-files-for=default. "
        "The session then starts within a minute."
    )


def test_what_is_missing_is_named_with_the_way_out() -> None:
    reason, message = refusal(PREFERENCES, None)
    assert reason == "ClassFilesNotFound"
    assert message == (
        "The class default has its preferences in the PersistentVolumeClaim add-ons, and the namespace art has none of "
        "that name. Its desktops start when it exists, or when an administrator has corrected spec.preferences of the "
        "class."
    )
    reason, message = refusal(STARTUP, None)
    assert reason == "ClassFilesNotFound"
    assert "has its start-up file in the ConfigMap studio," in message


@pytest.mark.parametrize("keys", [{}, {"data": None}, {"data": {"other": ""}, "binaryData": {"start": ""}}])
def test_a_config_map_without_the_key_is_told(keys: Manifest) -> None:
    reason, message = refusal(STARTUP, {"metadata": {"name": "studio"}} | keys)
    assert reason == "ClassFilesNotFound"
    assert message == (
        "The class default has its start-up file in the ConfigMap studio as start.blend, and it has no key of that "
        "name. Its desktops start when it has one, or when an administrator has corrected spec.startupFile of the "
        "class."
    )


@pytest.mark.parametrize("keys", [{"data": {"start.blend": ""}}, {"binaryData": {"start.blend": ""}}])
def test_a_config_map_with_the_key_is_used(keys: Manifest) -> None:
    assert refusal(STARTUP, {"metadata": {"name": "studio"}} | keys) == ("", "")


def test_all_of_a_config_map_may_be_extensions() -> None:
    [source] = ClassSpec.model_validate({"extensions": {"configMap": "studio"}}).files
    assert refusal(source, {"metadata": {"name": "studio"}}) == ("", "")


def test_a_pod_has_the_files_of_its_class_read_only() -> None:
    of = session()
    spec = pod(of.desktop, of, settings(of, ALL))["spec"]
    [blender] = spec["containers"]
    variables = {each["name"]: each["value"] for each in blender["env"]}
    assert variables["BLENDER_EXTENSIONS"] == "blender/$$(HOME)"
    assert variables["BLENDER_STARTUP_FILE"] == "start.blend"
    assert variables["BLENDER_PREFERENCES"] == "userpref.blend"
    on_claim = {"persistentVolumeClaim": {"claimName": "add-ons", "readOnly": True}}
    items = [{"key": "start.blend", "path": "start.blend"}]
    assert spec["volumes"][-3:] == [
        {"name": "extensions"} | on_claim,
        {"name": "startup", "configMap": {"name": "studio", "items": items, "optional": True}},
        {"name": "preferences"} | on_claim,
    ]
    assert blender["volumeMounts"][-3:] == [
        {"name": name, "mountPath": f"/run/{name}", "readOnly": True}
        for name in ("extensions", "startup", "preferences")
    ]


def test_a_whole_config_map_is_mounted_with_all_its_keys() -> None:
    of = session()
    spec = pod(of.desktop, of, settings(of, {"extensions": {"configMap": "studio"}}))["spec"]
    assert spec["volumes"][-1] == {"name": "extensions", "configMap": {"name": "studio", "optional": True}}
    assert {"name": "BLENDER_EXTENSIONS", "value": "."} in spec["containers"][0]["env"]


def test_a_pod_that_runs_is_outdated_by_other_files_of_its_class() -> None:
    of = session()
    made = pod(of.desktop, of, settings(of))
    assert not outdated(made, of.desktop, of, settings(of))
    assert outdated(made, of.desktop, of, settings(of, ALL))


@pytest.mark.parametrize(("allowed", "stalled"), [(None, False), ("other", True)])
def test_a_session_does_not_start_and_says_why(allowed: str | None, stalled: bool) -> None:
    of = session()
    refused = class_files_refusal(of, EXTENSIONS, None if allowed is None else claim(allowed))
    assert refused is not None
    seen = replace(nothing_observed(), settings=settings(of, ALL), claim_refusal=refused)
    assert not seen.may_start
    assert not any("Pod" in repr(step) for stage in plan(of, seen).stages for step in stage)
    found = compute_conditions(of, seen)
    for kind in (ConditionType.READY, ConditionType.DESKTOP_READY):
        assert (found[kind].status, found[kind].reason, found[kind].message) == (
            "False",
            refused.reason,
            refused.message,
        )
    assert found[ConditionType.STALLED].holds is stalled
    assert found[ConditionType.SCENE_READY].reason == Reason.DESKTOP_NOT_READY
    # The time until it starts does not count for the start deadline.
    later = compute_conditions(of, replace(seen, now=NOW + timedelta(hours=1)))
    assert later[ConditionType.STALLED].reason == (refused.reason if stalled else Reason.PROGRESSING)


class Objects:
    """The API server, with what it has by kind and name."""

    def __init__(self, **objects: Manifest) -> None:
        self.objects = objects
        self.asked: list[str] = []

    async def get(self, ref: Ref) -> Manifest:
        """Return one object."""
        self.asked.append(f"{ref.kind} {ref.name}")
        if ref.name.replace("-", "_") not in self.objects:
            raise NotFound("gone", System.KUBERNETES)
        return self.objects[ref.name.replace("-", "_")]


async def test_what_the_class_names_is_read_before_each_start() -> None:
    context, _ = context_of(object(), object(), body({}), class_body(ALL))
    [of] = context.cache.sessions()
    refusals = context.refusals
    assert refusals.claims_to_read(of)

    async def reason(api: Objects) -> str:
        await refusals.read_claims(cast("Kubernetes", api), of)
        refused = refusals.of_claim(of)
        assert refusals.refuses(of) is (refused is not None)
        return refused.reason if refused is not None else ""

    nothing = Objects()
    assert await reason(nothing) == Reason.CLASS_FILES_NOT_FOUND
    assert nothing.asked == ["PersistentVolumeClaim add-ons", "ConfigMap studio", "PersistentVolumeClaim add-ons"]
    studio: Manifest = {"metadata": {"name": "studio"}, "binaryData": {"start.blend": ""}}
    assert await reason(Objects(studio=studio, add_ons=claim("other"))) == Reason.CLASS_FILES_NOT_ALLOWED
    assert await reason(Objects(add_ons=claim("*"))) == Reason.CLASS_FILES_NOT_FOUND
    assert await reason(Objects(studio=studio, add_ons=claim("default"))) == ""


async def test_a_class_that_names_nothing_any_more_refuses_nobody() -> None:
    context, _ = context_of(object(), object(), body({}), class_body(ALL))
    [of] = context.cache.sessions()
    await context.refusals.read_claims(cast("Kubernetes", Objects()), of)
    changed = class_body({})
    changed["metadata"]["resourceVersion"] = "101"
    context.cache.put(changed)
    assert context.refusals.of_claim(of) is None
    assert not context.refusals.claims_to_read(of)
