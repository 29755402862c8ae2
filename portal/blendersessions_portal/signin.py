"""What the portal asks of Guacamole: to sign an owner in and out. The pages know only this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from blendersessions.model.user_credentials import UserCredentials


class GuacamoleSignIn(Protocol):
    """The three things that the portal asks of Guacamole; it has no administrator's rights there."""

    async def sign_in(self, credentials: UserCredentials) -> str:
        """Give a new token."""
        ...

    async def is_alive(self, token: str) -> bool:
        """Say whether the token still works."""
        ...

    async def sign_out(self, token: str) -> None:
        """End the token and what was opened with it; one that is dead already is fine."""
        ...
