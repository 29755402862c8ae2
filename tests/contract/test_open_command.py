"""`blendersessions open`: its link signs the user in, as the stand-in for Guacamole confirms."""

from __future__ import annotations

import logging
import os
import socket
import stat
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
import requests

from blendersessions.model.names import user_secret_name
from blendersessions_cli.browser import NOBODY, user_of
from contract.command import CID, failure, ready, run, waiting
from contract.kube import NAMESPACE, OWN_USER, SECRETS, Cluster
from contract.standins import running
from ports import HeldPort
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract.standins import Guacamole

PASSWORD = "pw-of-the-secret"
VIEW_CID = "MgBjAHBvc3RncmVzcWw"


@pytest.fixture(scope="module")
def guacamole() -> Iterator[Guacamole]:
    with running() as guacamole:
        yield guacamole


def link(*arguments: str) -> str:
    result = run("open", "--print", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def admin(guacamole: Guacamole, method: str, path: str, body: object = None) -> requests.Response:
    form = {"username": guacamole.username, "password": guacamole.password}
    token = requests.post(guacamole.url + "api/tokens", data=form, timeout=DEADLINE_SECONDS).json()["authToken"]
    address = f"{guacamole.url}api/session/data/postgresql/{path}"
    return requests.request(method, address, json=body, headers={"Guacamole-Token": token}, timeout=DEADLINE_SECONDS)


def make_user(guacamole: Guacamole, cluster: Cluster, name: str, password: str = PASSWORD) -> None:
    admin(guacamole, "PATCH", "users", [{"op": "remove", "path": f"/{name}"}])
    answer = admin(guacamole, "POST", "users", {"username": name, "password": password, "attributes": {}})
    assert answer.ok, answer.text
    cluster.add_secret(name, password)


def token_in(address: str) -> str:
    _, _, query = address.partition("?")
    return parse_qs(query)["token"][0]


def signed_in_as(guacamole: Guacamole, token: str) -> str | None:
    """Return the user of a token; None if the token is dead."""
    answer = requests.post(guacamole.url + "api/tokens", data={"token": token}, timeout=DEADLINE_SECONDS)
    return str(answer.json()["username"]) if answer.ok else None


@pytest.fixture
def cart(guacamole: Guacamole, cluster: Cluster) -> Cluster:
    """Store a ready session of alice that bob may view, with credentials for both."""
    make_user(guacamole, cluster, "alice")
    make_user(guacamole, cluster, "bob")
    status = ready(guacamole.url, viewURL=f"{guacamole.url}#/client/{VIEW_CID}")
    cluster.add_session(status=status, owner="alice", viewers=["bob"])
    return cluster


@pytest.mark.usefixtures("cart")
def test_the_link_signs_the_owner_in_and_leads_to_the_session(guacamole: Guacamole) -> None:
    address = link("cart")
    assert address.startswith(f"{guacamole.url}#/client/{CID}?token=")
    assert signed_in_as(guacamole, token_in(address)) == "alice"


@pytest.mark.usefixtures("cart")
def test_a_second_link_has_the_same_live_token_so_that_nobody_is_signed_out(guacamole: Guacamole) -> None:
    first, second = token_in(link("cart")), token_in(link("cart"))
    assert first == second
    assert signed_in_as(guacamole, second) == "alice"


@pytest.mark.usefixtures("cart")
def test_a_dead_token_is_never_used(guacamole: Guacamole) -> None:
    first = token_in(link("cart"))
    requests.delete(f"{guacamole.url}api/tokens/{first}", timeout=DEADLINE_SECONDS)
    second = token_in(link("cart"))
    assert second != first
    assert signed_in_as(guacamole, second) == "alice"


def test_a_token_of_a_user_who_was_deleted_and_made_again_is_replaced(guacamole: Guacamole, cart: Cluster) -> None:
    first = token_in(link("cart"))
    make_user(guacamole, cart, "alice", "another-password")
    second = token_in(link("cart"))
    assert second != first
    assert signed_in_as(guacamole, first) is None
    assert signed_in_as(guacamole, second) == "alice"


def test_a_session_without_an_owner_opens_by_its_own_user(guacamole: Guacamole, cluster: Cluster) -> None:
    make_user(guacamole, cluster, OWN_USER)
    cluster.add_session(status=ready(guacamole.url))
    assert signed_in_as(guacamole, token_in(link("cart"))) == OWN_USER


@pytest.mark.usefixtures("cart")
def test_a_viewer_gets_the_link_that_only_shows(guacamole: Guacamole) -> None:
    address = link("cart", "--as", "bob")
    assert address.startswith(f"{guacamole.url}#/client/{VIEW_CID}?token=")
    assert signed_in_as(guacamole, token_in(address)) == "bob"


@pytest.mark.usefixtures("cart")
def test_two_users_keep_a_token_each_and_the_change_is_announced(guacamole: Guacamole) -> None:
    assert run("open", "--print", "cart").stderr == ""
    alice = token_in(link("cart"))
    changed = run("open", "--print", "cart", "--as", "bob")
    assert "signs alice out" in changed.stderr
    assert "private window" in changed.stderr
    assert run("open", "--print", "cart", "--as", "bob").stderr == "", "bob is the last one now"
    back = run("open", "--print", "cart")
    assert "signs bob out" in back.stderr
    assert token_in(back.stdout.strip()) == alice
    assert signed_in_as(guacamole, alice) == "alice"


@pytest.mark.usefixtures("cart")
def test_nothing_is_announced_when_the_other_one_is_gone(guacamole: Guacamole) -> None:
    requests.delete(f"{guacamole.url}api/tokens/{token_in(link('cart'))}", timeout=DEADLINE_SECONDS)
    assert run("open", "--print", "cart", "--as", "bob").stderr == ""


@pytest.mark.usefixtures("cart")
def test_what_is_kept_is_for_the_person_alone_and_holds_no_password(tmp_path: Path) -> None:
    token = token_in(link("cart"))
    [kept] = (tmp_path / "cache/blender-sessions/tokens").glob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert PASSWORD not in kept.read_text()
    kept.chmod(0o644)
    assert token_in(link("cart")) != token, "what others could read is not used again"
    kept.write_text("{")
    assert token_in(link("cart")), "a broken file counts for nothing"


def test_a_folder_that_cannot_be_used_is_named(cart: Cluster, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    assert str(tmp_path / "cache/blender-sessions/tokens") in failure("open", "--print", "cart")
    assert cart.kubeconfig.exists()


@pytest.mark.usefixtures("cart")
def test_the_password_is_nowhere_and_the_token_only_in_the_link(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        result = run("open", "--print", "cart")
    token = token_in(result.stdout.strip())
    assert result.stdout.count(token) == 1
    for secret in (token, PASSWORD):
        assert secret not in result.stderr
        assert secret not in caplog.text
    assert PASSWORD not in result.stdout


@pytest.mark.usefixtures("cart")
def test_the_browser_opens_the_link(guacamole: Guacamole, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    visits: list[requests.Response] = []

    def visit(address: str) -> bool:
        opened.append(address)
        visits.extend(requests.get(address, allow_redirects=False, timeout=30) for _ in range(2))
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    result = run("open", "cart")
    assert (result.exit_code, result.stdout) == (0, "")
    link, again = visits
    token = token_in(link.headers["Location"])
    assert signed_in_as(guacamole, token) == "alice"
    assert token not in opened[0], "other users of the machine read the command line of the browser"
    assert (again.status_code, again.headers.get("Location")) == (404, None), "it leads there once"


@pytest.mark.usefixtures("cart")
def test_another_user_of_the_machine_does_not_get_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[requests.Response] = []

    def visit(address: str) -> bool:
        visits.append(requests.get(address, allow_redirects=False, timeout=30))
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    monkeypatch.setattr("blendersessions_cli.browser.user_of", lambda *_: os.getuid() + 1)
    monkeypatch.setattr("blendersessions_cli.browser.WAIT_SECONDS", 0.0)
    result = run("open", "cart")
    assert [visit.status_code for visit in visits] == [404]
    assert token_in(result.stdout.strip()), "the person gets it"


def test_the_user_of_a_loopback_connection_is_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
            with socket.socket(family) as client:
                client.connect((address, server.getsockname()[1]))
                assert user_of(client.getsockname()[1], server.getsockname()[1]) == os.getuid()
        assert user_of(1, server.getsockname()[1]) == NOBODY


@pytest.mark.usefixtures("cart")
def test_without_a_browser_the_link_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    result = run("open", "cart")
    assert "no browser here" in result.stderr
    assert token_in(result.stdout.strip())


@pytest.mark.usefixtures("cart")
def test_an_unknown_session_is_refused_with_the_names_of_the_sessions() -> None:
    message = failure("open", "--print", "card")
    assert f"no session “card” in the namespace {NAMESPACE}" in message
    assert "There are: cart" in message


@pytest.mark.usefixtures("cart")
def test_somebody_whom_the_session_does_not_let_in_is_refused() -> None:
    assert "is not open to eve. These users may open it: alice, bob" in failure(
        "open", "--print", "cart", "--as", "eve"
    )


def test_a_session_that_is_not_ready_is_refused_with_the_reason_and_how_to_wait(cluster: Cluster) -> None:
    cluster.add_session(status=waiting("SceneLoading", "Blender loads cart.blend."), owner="alice")
    message = failure("open", "--print", "cart")
    assert "SceneLoading: Blender loads cart.blend." in message
    assert "--wait" in message


def test_a_suspended_session_is_refused_with_how_to_resume_it(cluster: Cluster) -> None:
    cluster.add_session(status=waiting("Suspended", "Suspended by request."), owner="alice", replicas=0)
    for arguments in (["open", "--print", "cart"], ["open", "--wait", "cart"], ["wait", "cart"]):
        assert "resume cart" in failure(*arguments)


def test_a_secret_that_may_not_be_read_is_reported_with_the_right_to_ask_for(cart: Cluster) -> None:
    name = user_secret_name("alice")
    cart.forbidden.add(f"{SECRETS}/{name}")
    message = failure("open", "--print", "cart")
    assert f"You may not read the Secret {NAMESPACE}/{name}" in message
    assert f"--verb=get --resource=secrets --resource-name={name}" in message


def test_a_user_of_the_administrators_gets_the_link_to_log_in_by(guacamole: Guacamole, cart: Cluster) -> None:
    del cart.objects[f"{SECRETS}/{user_secret_name('alice')}"]
    result = run("open", "--print", "cart")
    assert result.exit_code == 0
    assert result.stdout.strip() == f"{guacamole.url}#/client/{CID}"
    assert "asks to log in" in result.stderr


def test_a_secret_of_somebody_else_is_not_used(guacamole: Guacamole, cart: Cluster) -> None:
    cart.add_secret("alice", PASSWORD, of="bob")
    assert "holds no sign-in of alice" in failure("open", "--print", "cart")
    assert signed_in_as(guacamole, "none") is None


def test_a_refused_password_is_explained_and_not_shown(cart: Cluster) -> None:
    cart.add_secret("alice", "planted-password")
    message = failure("open", "--print", "cart")
    assert "Guacamole refused the sign-in of alice" in message
    assert "planted-password" not in message


def test_a_guacamole_out_of_reach_is_named(guacamole: Guacamole, cart: Cluster) -> None:
    with HeldPort() as port:
        away = f"http://127.0.0.1:{port.number}/guacamole/"
        cart.add_session(status=ready(guacamole.url) | {"clientURL": f"{away}#/client/{CID}"}, owner="alice")
        message = failure("open", "--print", "cart")
    assert f"{away}: Guacamole does not answer" in message
    assert "ConnectionError" in message


@pytest.mark.parametrize("address", ["file:///etc/passwd", "https://desk.example/", "javascript:#/client/x"])
def test_a_password_goes_to_addresses_of_guacamole_only(guacamole: Guacamole, cart: Cluster, address: str) -> None:
    cart.add_session(status=ready(guacamole.url) | {"clientURL": address}, owner="alice")
    assert "no address of Guacamole" in failure("open", "--print", "cart")


def test_the_namespace_and_the_context_are_kubectls(cluster: Cluster) -> None:
    cluster.add_session(owner="alice")
    assert "in the namespace music" in failure("wait", "cart", "--context", "elsewhere")
    assert "in the namespace film" in failure("wait", "cart", "-n", "film")


def test_a_cluster_without_our_kinds_is_named(cluster: Cluster) -> None:
    cluster.has_crds = False
    for arguments in (["list"], ["open", "cart"]):
        assert "knows no BlenderSessions" in failure(*arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--context", "nowhere"], "nowhere"), (["--kubeconfig", "/nowhere/config"], "/nowhere/config")],
)
@pytest.mark.usefixtures("cluster")
def test_a_kubeconfig_that_leads_nowhere_is_explained(arguments: list[str], words: str) -> None:
    message = failure("list", *arguments)
    assert words in message
    assert "--context" in message


def test_help_warns_that_a_link_is_as_good_as_a_password() -> None:
    message = " ".join(run("open", "--help").stdout.split())
    assert "as good as a password" in message
    assert "--as USER" in message
