"""A provider that does not answer, or not as it should, lets nobody in, and people are told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

from unit.portal.openid.signing_in import is_signed_in, settings, signed_in, visit

if TYPE_CHECKING:
    from pathlib import Path

    from openid_provider import Provider
    from unit.portal.portals import Browser, Portal


async def test_a_provider_that_does_not_answer_is_said(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.provider._FAILURE_PAUSE_SECONDS", 0.0)
    provider.down = True
    answer = await browser.get("/sign-in")
    assert answer.status_code == 503
    assert "The sign-on does not answer" in answer.text
    provider.down = False
    await signed_in(browser)
    assert await is_signed_in(browser)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/userinfo"])
async def test_no_answer_is_taken_from_elsewhere(provider: Provider, browser: Browser, path: str) -> None:
    """A redirect could lead to http, where anybody on the way answers."""
    provider.moved = {path}
    begun = await browser.get("/sign-in")
    if begun.status_code == 303:
        await browser.get(await visit(begun.headers["location"]))
    assert path in provider.asked
    assert f"/elsewhere{path}" not in provider.asked


async def test_the_provider_is_asked_in_threads_of_its_own(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def get(*given: Any, **named: Any) -> requests.Response:  # noqa: ANN401 - as of the library
        names.append(threading.current_thread().name)
        return requests.request("GET", *given, **named)  # noqa: S113 - it is given

    monkeypatch.setattr("blendersessions_portal.openid.provider.requests.get", get)
    assert (await browser.get("/sign-in")).status_code == 303
    assert names[0].startswith("openid")


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(
    portal: Portal, provider: Provider, browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    portal.sign_on = settings(provider, tmp_path).model_copy(update={"openid_issuer": provider.url + "/"})
    portal.restart()
    assert (await browser.get("/sign-in")).status_code == 503
    assert "write exactly that into signOn.openID.issuer" in caplog.text
