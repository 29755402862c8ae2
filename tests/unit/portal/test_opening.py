"""From a ready session to Blender without a second log-in, with one token for each browser."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from blendersessions.model.errors import Unauthorised, Unavailable
from blendersessions.model.signin import Credentials
from blendersessions_portal.identity import Visitor
from blendersessions_portal.signing import Signer
from blendersessions_portal.tokens import TokenKeeper
from unit.portal.fakes import KEY, FakeGuacamole

if TYPE_CHECKING:
    from unit.portal.conftest import Browser, World

CLIENT = "http://portal.test/guacamole/#/client/MQBjAHBvc3RncmVzcWw"


async def ready(world: World, browser: Browser) -> str:
    name = await browser.start()
    world.store.make_ready(name)
    return name


async def test_open_lands_in_blender_signed_in(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{CLIENT}?token=TOKEN0000"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_ready_sessions_page_leads_on_by_itself(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    page = await browser.get(f"/sessions/{name}")
    assert (page.status_code, page.headers["location"]) == (303, f"/sessions/{name}/open")
    assert f'data-next="/sessions/{name}/open"' in (await browser.get(f"/sessions/{name}/progress")).text


async def test_a_session_that_is_not_ready_is_not_opened(world: World, browser: Browser) -> None:
    name = await browser.start()
    world.store.make_starting(name)
    answer = await browser.get(f"/sessions/{name}/open")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sessions/{name}")
    assert not world.guacamole.made


async def test_a_browser_keeps_its_token(world: World, browser: Browser) -> None:
    first, second = await ready(world, browser), await ready(world, browser)
    links = {(await browser.get(f"/sessions/{name}/open")).headers["location"] for name in (first, second, first)}
    assert links == {f"{CLIENT}?token=TOKEN0000"}
    assert world.guacamole.made == ["TOKEN0000"]


async def test_two_clicks_at_once_make_one_token(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    await asyncio.gather(*(browser.get(f"/sessions/{name}/open") for _ in range(5)))
    assert world.guacamole.made == ["TOKEN0000"]


async def test_the_token_outlives_a_restart_of_the_portal(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    await browser.get(f"/sessions/{name}/open")
    world.restart()
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0000")
    assert world.guacamole.made == ["TOKEN0000"]


async def test_a_dead_token_is_replaced(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    await browser.get(f"/sessions/{name}/open")
    world.guacamole.alive.clear()
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0001")
    world.restart()
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0001")


async def test_a_token_of_a_user_that_was_made_anew_is_replaced(world: World, browser: Browser) -> None:
    # Guacamole keeps such a token alive, yet it opens nothing.
    name = await ready(world, browser)
    await browser.get(f"/sessions/{name}/open")
    owner = world.store.objects[name]["spec"]["owner"]
    world.store.passwords[owner] = "another"
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0001")
    assert world.guacamole.alive == {"TOKEN0001"}


async def test_two_browsers_have_a_token_each(world: World, browser: Browser) -> None:
    other = world.browser()
    for visitor in (browser, other):
        await visitor.get(f"/sessions/{await ready(world, visitor)}/open")
    assert world.guacamole.alive == {"TOKEN0000", "TOKEN0001"}


async def test_a_token_cookie_of_another_browser_counts_for_nothing(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    await browser.get(f"/sessions/{name}/open")
    stolen = browser.cookies[TokenKeeper.COOKIE]
    other = world.browser()
    foreign = await ready(world, other)
    other.cookies.set(TokenKeeper.COOKIE, stolen, path="/sessions")
    world.restart()
    assert (await other.get(f"/sessions/{foreign}/open")).headers["location"].endswith("TOKEN0001")
    assert "TOKEN0000" in world.guacamole.alive, "nobody is thrown out"


async def test_the_token_is_in_no_page_and_in_no_log(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        name = await ready(world, browser)
        opened = await browser.get(f"/sessions/{name}/open")
        assert "TOKEN" not in opened.text
        for address in ("/", "/sessions", f"/sessions/{name}", f"/sessions/{name}/progress"):
            text = (await browser.get(address)).text
            assert "TOKEN" not in text, address
            assert "secret-of-" not in text, address
    assert "TOKEN" not in caplog.text
    assert "secret-of-" not in caplog.text


async def test_the_token_cookie_goes_to_session_pages_only(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    answer = await browser.get(f"/sessions/{name}/open")
    (line,) = [line.lower() for line in answer.headers.get_list("set-cookie") if line.startswith(TokenKeeper.COOKIE)]
    assert "path=/sessions" in line
    assert "httponly" in line
    assert "samesite=lax" in line


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/guacamole/#/client/x",
        "http://portal.test.evil/guacamole/#/",
        "http://portal.test/elsewhere/#/",
    ],
)
async def test_the_token_is_never_sent_to_another_site(world: World, browser: Browser, url: str) -> None:
    name = await browser.start()
    world.store.make_ready(name, url)
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 503
    assert "PUBLIC_URL" in answer.text
    assert not world.guacamole.made


async def test_guacamole_being_away_is_explained_with_a_way_to_try_again(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    world.guacamole.failure = Unavailable("Guacamole does not answer. Try again in a moment.")
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 503
    assert "Guacamole does not answer" in answer.text
    assert f'href="/sessions/{name}/open">Try again' in answer.text
    world.guacamole.failure = None
    assert (await browser.get(f"/sessions/{name}/open")).status_code == 303


async def test_a_refused_sign_in_is_explained(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    world.guacamole.refuses.add(world.store.objects[name]["spec"]["owner"])
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 502
    assert "Guacamole refused the sign-in" in answer.text


async def test_a_refused_password_is_not_tried_again_at_once_for_guacamole_would_ban_us() -> None:
    guacamole, now = FakeGuacamole(), 0.0
    keeper = TokenKeeper(guacamole, Signer(KEY), secure=False, clock=lambda: now)
    request = Request({"type": "http", "headers": []})
    visitor = Visitor("guest-a", "guest-a", known=True)
    guacamole.refuses.add("guest-a")
    for _ in range(5):
        with pytest.raises(Unauthorised):
            await keeper.token(request, visitor, Credentials("guest-a", "old"))
    assert guacamole.attempts == 1
    guacamole.refuses.clear()
    assert await keeper.token(request, visitor, Credentials("guest-a", "new")) == "TOKEN0000"
    assert guacamole.attempts == 2, "another password is another matter"
    guacamole.alive.clear()
    now = 91.0
    assert await keeper.token(request, visitor, Credentials("guest-a", "old")) == "TOKEN0001"


async def test_a_missing_sign_in_is_explained(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    world.store.passwords.clear()
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 503
    assert "there is no sign-in for it yet" in answer.text


async def test_stop_ends_the_session_and_shows_it_ending(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    await browser.see("/")
    answer = await browser.submit(f"/sessions/{name}/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#sessions")
    assert "deletionTimestamp" in world.store.objects[name]["metadata"]
    page = (await browser.get("/")).text
    assert 'data-state="ending"' in page
    assert f"/sessions/{name}/open" not in page
    assert f"/sessions/{name}/stop" not in page


async def test_the_last_stop_signs_out(world: World, browser: Browser) -> None:
    first, second = await ready(world, browser), await ready(world, browser)
    await browser.get(f"/sessions/{first}/open")
    await browser.submit(f"/sessions/{first}/stop")
    assert world.guacamole.alive == {"TOKEN0000"}, "the other session is still open somewhere"
    await browser.submit(f"/sessions/{second}/stop")
    assert not world.guacamole.alive
    assert TokenKeeper.COOKIE not in browser.cookies


async def test_stop_works_while_guacamole_is_away(world: World, browser: Browser) -> None:
    name = await ready(world, browser)
    await browser.get(f"/sessions/{name}/open")
    world.guacamole.failure = Unavailable("Guacamole does not answer.")
    assert (await browser.submit(f"/sessions/{name}/stop")).status_code == 303
    assert "deletionTimestamp" in world.store.objects[name]["metadata"]
