"""The example of docs/sign-on.md for oauth2-proxy, with the real program, a provider and browsers."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import expect

from blendersessions_portal.sign_on_settings import SignOnMode, SignOnSettings
from contract.proxies import listens
from contract.sign_on_site import SignOnSite, serving_people
from e2e.chromium import close
from localcluster import binaries
from openid_provider import CLIENT, SECRET, Provider, running_provider
from ports import HeldPort
from waiting import DEADLINE_MILLISECONDS, DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PAGE = Path(__file__).parents[2] / "docs" / "sign-on.md"


def example(changes: dict[str, str]) -> str:
    """Return the file of the page, with other addresses."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for old, new in changes.items():
        assert old in text, f"{PAGE.name} has no {old}"
        text = text.replace(old, new)
    return str(text)


def settings(key: Path) -> SignOnSettings:
    return SignOnSettings(
        mode=SignOnMode.HEADER,
        trusted_proxies=(ip_network("127.0.0.0/8"),),
        proxy_key_file=key,
        name_header="X-Forwarded-Preferred-Username",
        admin_groups=("staff",),
        sign_out_url="/oauth2/sign_out",
    )


@contextmanager
def oauth2_proxy(folder: Path, port: int, site: SignOnSite, provider: Provider) -> Iterator[None]:
    """Run oauth2-proxy with the example while the block runs."""
    changes = {
        "https://id.example.org/realms/studio": provider.url,
        "https://blender.example.org/": f"http://127.0.0.1:{port}/",
        "0.0.0.0:4180": f"127.0.0.1:{port}",
        "http://blender-proxy.blender-sessions.svc/": site.url,
    }
    (folder / "oauth2-proxy.cfg").write_text(example(changes))
    variables = {
        "OAUTH2_PROXY_CLIENT_SECRET": SECRET,
        "OAUTH2_PROXY_COOKIE_SECRET": "c" * 32,
        "OAUTH2_PROXY_COOKIE_SECURE": "false",
    }
    assert CLIENT == "blender", "the example's client_id"
    program = binaries.ensure("oauth2-proxy")["oauth2-proxy"]
    with (folder / "oauth2-proxy.log").open("w") as log:
        process = subprocess.Popen(
            [program, f"--config={folder / 'oauth2-proxy.cfg'}"], env=os.environ | variables, stdout=log, stderr=log
        )
        try:
            until("oauth2-proxy listens", lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, (folder / "oauth2-proxy.log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def site(tmp_path: Path, provider: Provider) -> Iterator[tuple[str, SignOnSite]]:
    """What browsers open, and what is behind it."""
    with HeldPort() as port:
        url = f"http://127.0.0.1:{port.number}/"
        with serving_people(tmp_path, settings, url) as site, oauth2_proxy(tmp_path, port.number, site, provider):
            yield url, site


def test_oauth2_proxy_signs_people_in_for_the_portal_and_for_guacamole(
    site: tuple[str, SignOnSite], provider: Provider, browser: Browser
) -> None:
    url, behind = site
    alice = {"sub": "alice-1", "preferred_username": "Alice", "email": "a@example.org", "groups": ["film", "staff"]}
    provider.person = alice | {"email_verified": True}
    behind.make_user("alice-1")
    # The headers that a browser forges do not pass.
    forged = {"X-Forwarded-User": "guacadmin", "X-Forwarded-Groups": "root", "X-Sign-On-Peer": "10.0.0.1"}
    context = browser.new_context(extra_http_headers=forged)
    context.set_default_timeout(DEADLINE_MILLISECONDS)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_text("Alice", exact=True)).to_be_visible()
    expect(page.get_by_text("Administrator", exact=True)).to_be_visible()
    page.get_by_role("button", name="Open in Blender: Shopping cart").click()
    until("the session is made", lambda: behind.store.objects)
    assert behind.store.objects[behind.store.only]["spec"]["owner"] == "alice-1"
    behind.store.make_ready(behind.store.only, behind.desk_url(url))
    connection = behind.guacd.next_connection()
    behind.guacd.draw(connection)
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    assert page.url == behind.desk_url(url)

    tab = context.new_page()
    tab.goto(url)
    tab.get_by_role("button", name="Sign out").click()
    expect(page.locator("body")).not_to_have_attribute("data-state", "connected")
    close(context)


def test_without_a_sign_in_nothing_is_reached(site: tuple[str, SignOnSite], provider: Provider) -> None:
    url, _ = site
    for path in ("", "guacamole/", "guacamole/api/tokens", "internal/person"):
        headers = {"X-Forwarded-User": "alice-1"}
        answer = requests.get(url + path, headers=headers, timeout=DEADLINE_SECONDS, allow_redirects=False)
        assert answer.status_code in {302, 401, 403}, path
        assert answer.headers.get("location", provider.url).startswith(provider.url)
