"""People suspend and resume sessions by the right to scale them, which lets them change nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from apiserver.api import SESSIONS
from apiserver.fake_agent import FakeAgent, started
from apiserver.installation import desktop_name
from apiserver.rights import allow, person_in
from blendersessions.clients.kubernetes.client import connect
from blendersessions.model.errors import Conflict
from blendersessions.model.manifest import SESSION_KIND, Ref
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from apiserver.installation import Installation

HOME = {"size": "1Gi"}


class Person:
    """Somebody at a real kubectl who may read sessions and scale them."""

    def __init__(self, kubectl: str, kubeconfig: Path) -> None:
        self._command = [kubectl, f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent / 'kubectl-cache'}"]

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False, timeout=60)

    def scale(self, replicas: int, name: str = "cart") -> str:
        """Scale a session; return why that is refused, or nothing."""
        return self.kubectl("scale", "blendersession", name, f"--replicas={replicas}").stderr


def person_of(installation: Installation, kubectl: list[str], folder: Path) -> Person:
    api, namespace = installation.api, installation.namespace
    kubeconfig = person_in(api, namespace, folder)
    allow(api, namespace, "look", ["get", "list"], "blendersessions.io", "blendersessions")
    allow(api, namespace, "scale", ["get", "update", "patch"], "blendersessions.io", "blendersessions/scale")
    return Person(kubectl[0], kubeconfig)


def until_suspended(installation: Installation, reason: str) -> None:
    installation.until_reason("Suspended", reason)
    until("the status counts no pod", lambda: installation.status().get("replicas") == 0)


def backdate(installation: Installation) -> None:
    moment = "2026-01-01T00:00:00.000Z"
    installation.set_status("cart", {"startedAt": moment, "readyAt": moment, "activity": {"lastActiveAt": moment}})


def test_the_right_to_scale_suspends_and_resumes_and_changes_nothing_else(
    installation: Installation, agent: FakeAgent, kubectl: list[str], tmp_path: Path
) -> None:
    person = person_of(installation, kubectl, tmp_path)
    session = started(installation, agent, workspace=HOME, owner="victim")
    assert (session["spec"]["replicas"], session["status"]["replicas"]) == (1, 1)
    assert person.scale(0) == ""
    until_suspended(installation, "Requested")
    assert agent.saved == 1
    assert "Resume it with kubectl scale bs cart --replicas=1." in installation.condition("Suspended")["message"]

    for patch in ('{"spec":{"owner":"other"}}', '{"spec":{"viewers":["other"]}}', '{"spec":{"suspend":true}}'):
        for path in ((), ("--subresource=status",)):
            refused = person.kubectl("patch", "bs", "cart", "--type=merge", "-p", patch, *path)
            assert "is forbidden" in refused.stderr
    wider = '{"metadata":{"labels":{"a":"b"},"annotations":{"a":"b"}},"spec":{"owner":"other","replicas":1}}'
    assert person.kubectl("patch", "bs", "cart", "--type=merge", "--subresource=scale", "-p", wider).returncode == 0
    installation.run_pod(session, agent.address)
    again = installation.until_ready()
    assert again["spec"] == session["spec"]
    assert {"labels", "annotations"} & again["metadata"].keys() <= session["metadata"].keys()
    assert "suspension" not in again["status"]
    assert "replicas must be 0, which suspends the session, or 1" in person.scale(2)

    installation.patch("cart", {"spec": {"suspend": True}})
    until_suspended(installation, "Requested")
    assert person.scale(1) == ""
    assert "Set spec.suspend to false to resume it." in installation.condition("Suspended")["message"]
    assert installation.child("pods", desktop_name(session)) is None


def test_an_expired_session_is_resumed_by_scaling_it_though_the_operator_was_killed_in_between(
    own_running_installation: Installation, agent: FakeAgent, kubectl: list[str], tmp_path: Path
) -> None:
    installation = own_running_installation
    person = person_of(installation, kubectl, tmp_path)
    agent.idle_seconds = 7200
    session = started(installation, agent, workspace=HOME, lifetime={"idleAfter": "1h"})
    backdate(installation)
    until_suspended(installation, "Idle")
    found: Any = installation.session()
    assert (found["spec"]["replicas"], found["spec"]["suspend"]) == (0, False)
    installation.stop(kill=True)
    assert person.scale(1) == ""
    installation.start()
    agent.idle_seconds = 0
    installation.run_pod(session, agent.address)
    again = installation.until_ready()
    assert "suspension" not in again["status"]

    # The operator was killed after it had recorded an expiry. Meanwhile somebody works in the desktop.
    installation.stop(kill=True)
    generation = again["metadata"]["generation"]
    backdate(installation)
    installation.set_status("cart", {"suspension": {"reason": "Idle", "generation": generation}})
    installation.start()
    until("the record goes", lambda: "suspension" not in installation.status())
    until("the work counts", lambda: installation.status()["activity"].get("keptAliveBy") == "Input")
    kept: Any = installation.session()
    assert kept["metadata"]["generation"] == generation, "the spec is as it was"
    assert installation.condition("Ready")["status"] == "True"
    assert installation.status()["startedAt"] == "2026-01-01T00:00:00.000Z", "the same run"


@pytest.mark.parametrize("seen", [{"uid": "00000000-0000-4000-8000-000000000001"}, {"version": "1"}])
async def test_a_scale_that_is_meant_for_another_object_or_version_is_refused(
    installation: Installation, seen: dict[str, str]
) -> None:
    made = installation.create()
    client = await connect()
    try:
        ref, uid = Ref(SESSION_KIND, installation.namespace, "cart"), made["metadata"]["uid"]
        with pytest.raises(Conflict):
            await client.scale(ref, seen.get("uid", uid), 0, seen.get("version", ""))
    finally:
        await client.close()
    unchanged: Any = installation.session()
    assert unchanged["spec"]["replicas"] == 1


def test_a_manifest_that_does_not_name_replicas_leaves_a_suspension_alone(
    installation: Installation, kubectl: list[str], tmp_path: Path
) -> None:
    """Tools that apply a manifest again and again do not resume what somebody suspended."""
    api, namespace = installation.api, installation.namespace
    document = {
        "apiVersion": "blendersessions.io/v1alpha1",
        "kind": "BlenderSession",
        "metadata": {"name": "cart", "namespace": namespace},
        "spec": {"owner": "ann"},
    }
    manifest = tmp_path / "session.yaml"
    manifest.write_text(yaml.safe_dump(document))
    for way in ("--server-side=false", "--server-side=true"):
        apply = [*kubectl, "apply", "--force-conflicts" if way.endswith("true") else way, way, "-f", str(manifest)]
        subprocess.run(apply, check=True, capture_output=True, timeout=60)
        path = f"{SESSIONS}/namespaces/{namespace}/blendersessions/cart"
        api.request("PATCH", f"{path}/scale", {"spec": {"replicas": 0}}, "application/merge-patch+json")
        subprocess.run(apply, check=True, capture_output=True, timeout=60)
        found: Any = api.request("GET", path)
        assert found["spec"]["replicas"] == 0, way
