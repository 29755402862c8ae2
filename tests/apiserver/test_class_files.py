"""Sessions of a class that brings files along: they start when all of it is there, and say what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiserver.installation import desktop_name

if TYPE_CHECKING:
    from apiserver.installation import Installation

FILES = {
    "extensions": {"claimName": "add-ons", "path": "blender"},
    "startupFile": {"configMap": "studio", "key": "start.blend"},
}


def test_a_session_starts_when_the_files_of_its_class_are_there(installation: Installation) -> None:
    api, namespace = installation.api, installation.namespace
    installation.create_class("default", **FILES)
    session = installation.create()
    missing = installation.until_reason("Ready", "ClassFilesNotFound")["message"]
    assert f"in the PersistentVolumeClaim add-ons, and the namespace {namespace} has none of that name" in missing
    assert installation.condition("Stalled")["reason"] == "Progressing"

    installation.create_claim("add-ons", "")
    refused = installation.until_reason("Stalled", "ClassFilesNotAllowed")["message"]
    assert f"kubectl annotate pvc add-ons -n {namespace} blendersessions.io/class-files-for=default" in refused
    assert installation.child("pods", desktop_name(session)) is None

    claim = f"api/v1/namespaces/{namespace}/persistentvolumeclaims/add-ons"
    allowed = {"metadata": {"annotations": {"blendersessions.io/class-files-for": "default"}}}
    api.request("PATCH", claim, allowed, "application/merge-patch+json")
    missing = installation.until_reason("Ready", "ClassFilesNotFound")["message"]
    assert "has its start-up file in the ConfigMap studio, and" in missing

    studio = {"metadata": {"name": "studio"}, "binaryData": {"start.blend": "QkxFTkRFUg=="}}
    api.request("POST", f"api/v1/namespaces/{namespace}/configmaps", studio)
    installation.run_pod(session)
    installation.until_ready()
    pod: Any = installation.child("pods", desktop_name(session))
    mounted = {"name": "extensions", "persistentVolumeClaim": {"claimName": "add-ons", "readOnly": True}}
    assert mounted in pod["spec"]["volumes"]

    # What runs keeps what it has, and says that its class has changed.
    installation.patch_class("default", {"startupFile": None})
    installation.until_reason("DesktopReady", "RestartNeeded")
    assert installation.condition("Ready")["status"] == "True"
    installation.delete_child("persistentvolumeclaims", "add-ons")
