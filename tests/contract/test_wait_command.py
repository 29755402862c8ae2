"""`blendersessions wait` ends when a session is ready, and says why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.command import done, failure, ready, run, waiting

if TYPE_CHECKING:
    from contract.kube import Cluster


def test_wait_ends_when_the_session_is_ready(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_cli.waiting._POLL_SECONDS", 0.01)
    cluster.add_session(status=waiting("SceneLoading", "Blender loads cart.blend."), owner="alice")
    answer = cluster.answer

    def become_ready(method: str, path: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        if cluster.reads == 3:
            cluster.add_session(status=ready(), owner="alice")
        return answer(method, path, body)

    monkeypatch.setattr(cluster, "answer", become_ready)
    result = run("wait", "cart")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("SceneLoading") == 1, "each reason is reported once"
    assert "is ready" in result.stderr


def test_wait_ends_at_its_timeout_with_the_last_reason(cluster: Cluster) -> None:
    cluster.add_session(status=waiting("SceneLoading", "Blender loads cart.blend."), owner="alice")
    assert "not ready after 0 s. SceneLoading" in failure("wait", "cart", "--timeout", "0")


def test_wait_ends_at_once_if_the_session_cannot_become_ready(cluster: Cluster) -> None:
    status = waiting("SceneNotFound", "There is no teapot.blend.")
    status["conditions"].append({"type": "Stalled", "status": "True", "reason": "SceneNotFound", "message": ""})
    cluster.add_session(status=status, owner="alice")
    assert "cannot become ready. SceneNotFound: There is no teapot.blend." in failure("wait", "cart")


@pytest.mark.parametrize(("written", "seconds"), [("0", "0"), ("0s", "0"), ("0.01", "0"), ("10ms", "0"), ("0h0m", "0")])
def test_a_time_is_written_as_kubectl_has_it_or_in_seconds(cluster: Cluster, written: str, seconds: str) -> None:
    cluster.add_session(status=waiting("SceneLoading", "Blender loads cart.blend."), owner="alice")
    assert f"not ready after {seconds} s." in failure("wait", "cart", "--timeout", written)


@pytest.mark.parametrize("written", ["5 minutes", "-1", "1.5.2", "", "nan", "inf", "5x"])
@pytest.mark.usefixtures("cluster")
def test_what_is_no_time_is_refused_with_how_to_write_one(written: str) -> None:
    assert "is no time: write it as 5s, 2m or 1h30m." in failure("wait", "cart", f"--timeout={written}")


def test_a_time_counts_in_its_unit(cluster: Cluster) -> None:
    cluster.add_session(status=ready(), owner="alice")
    assert "is ready" in done("wait", "cart", "--timeout", "1h30m").stderr
