"""A token of the stand-in lives for its time, and longer while a tunnel uses it."""

from collections.abc import Iterator

import pytest

from clock import Clock
from standin.settings import Settings
from standin.state import State
from standin.tunnels import Tunnel

LIFETIME = 3600.0


@pytest.fixture
def state(clock: Clock) -> Iterator[State]:
    state = State(Settings(token_lifetime=LIFETIME), clock)
    yield state
    state.store.close()


def sign_in(state: State) -> str:
    return state.open_session("ann", 1).token


def test_a_token_is_sixty_four_upper_case_hex_digits(state: State) -> None:
    token = sign_in(state)
    assert len(token) == 64
    assert set(token) <= set("0123456789ABCDEF")


def test_a_token_dies_an_hour_after_it_was_last_used(state: State, clock: Clock) -> None:
    token = sign_in(state)
    clock.now += LIFETIME - 1
    assert state.live_session(token) is not None
    clock.now += LIFETIME
    assert state.live_session(token) is not None
    clock.now += LIFETIME + 1
    assert state.live_session(token) is None


def test_a_dead_token_is_forgotten_at_the_next_log_in(state: State, clock: Clock) -> None:
    first, second = sign_in(state), sign_in(state)
    clock.now += LIFETIME
    state.live_session(second)
    clock.now += 1
    sign_in(state)
    assert [state.end_session(token) for token in (first, second)] == [False, True]


def test_an_open_tunnel_keeps_a_token_alive(state: State, clock: Clock) -> None:
    token = sign_in(state)
    state.tunnels.add(Tunnel("tunnel", 7, token, "ann", 1, "127.0.0.1", state.now()))
    clock.now += 10 * LIFETIME
    sign_in(state)
    assert state.live_session(token) is not None


@pytest.mark.parametrize("token", [None, "", "nope"])
def test_an_unknown_token_is_dead(state: State, token: str | None) -> None:
    assert state.live_session(token) is None


def test_ending_a_token_twice_finds_nothing_the_second_time(state: State) -> None:
    token = sign_in(state)
    assert [state.end_session(token) for _ in range(2)] == [True, False]


def test_a_session_shows_no_token(state: State) -> None:
    session = state.open_session("ann", 1)
    assert session.token not in repr(session)
