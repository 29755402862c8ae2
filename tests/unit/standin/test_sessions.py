import pytest

from standin.sessions import Session, Sessions

LIFETIME = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sessions(clock: Clock, with_tunnel: set[str] | None = None) -> Sessions:
    return Sessions(LIFETIME, clock, lambda token: token in (with_tunnel or set()))


def sign_in(sessions: Sessions) -> Session:
    return sessions.open("ann", 1, ("postgresql", "postgresql-shared"), {})


def test_a_token_is_sixty_four_upper_case_hex_digits(clock: Clock) -> None:
    token = sign_in(sessions(clock)).token
    assert len(token) == 64
    assert set(token) <= set("0123456789ABCDEF")


def test_a_token_dies_an_hour_after_it_was_last_used(clock: Clock) -> None:
    live = sessions(clock)
    token = sign_in(live).token
    clock.now += LIFETIME - 1
    assert live.find(token) is not None
    clock.now += LIFETIME
    assert live.find(token) is not None
    clock.now += LIFETIME + 1
    assert [session.token for session in live.idle()] == [token]
    assert live.find(token) is None


def test_an_open_tunnel_keeps_a_token_alive(clock: Clock) -> None:
    with_tunnel: set[str] = set()
    live = sessions(clock, with_tunnel)
    token = sign_in(live).token
    with_tunnel.add(token)
    clock.now += 10 * LIFETIME
    assert live.idle() == []
    assert live.find(token) is not None


@pytest.mark.parametrize("token", [None, "", "nope"])
def test_an_unknown_token_is_dead(clock: Clock, token: str | None) -> None:
    assert sessions(clock).find(token) is None


def test_ending_a_token_twice_finds_nothing_the_second_time(clock: Clock) -> None:
    live = sessions(clock)
    token = sign_in(live).token
    assert live.end(token) is not None
    assert live.end(token) is None


def test_a_session_shows_no_token(clock: Clock) -> None:
    session = sign_in(sessions(clock))
    assert session.token not in repr(session)
