"""User accounts."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from standin import attributes
from standin.answers import GuacamoleError, internal_error
from standin.calls import route, text, text_map
from standin.collection import Collection, checked_name
from standin.store import Values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import Route

    from standin.answers import JSON
    from standin.state import Session
    from standin.store import Stored

ENABLED, DISABLED = "enabled", "disabled"


class Users(Collection):
    """User accounts. The identifier is the name."""

    kind, path, noun, create_permission = "user", "users", "User", "CREATE_USER"
    in_groups = False

    def routes(self) -> list[Route]:
        """Return the routes of users."""
        return [
            *super().routes(),
            route(self._state, "PATCH", self.path, self.patch),
            route(self._state, "GET", self.path + "/{identifier}", self.get),
        ]

    def identifier(self, stored: Stored) -> str:
        """Return an account's name."""
        return stored.name

    def lookup(self, identifier: str) -> Stored | None:
        """Return the account with a name."""
        return next(iter(self._store.named(self.kind, identifier)), None)

    def view(self, session: Session, stored: Stored) -> dict[str, JSON]:
        """Return an account as JSON. Only its administrators see its restrictions (recorded: user-list-users)."""
        full = self._store.holds(session.user, "ADMINISTER", stored.id)
        shown: dict[str, JSON] = {
            "username": stored.name,
            "disabled": stored.trait == DISABLED,
            "attributes": {
                name: stored.attributes.get(name) for name in (attributes.USER if full else attributes.PROFILE)
            },
        }
        return shown if stored.last_active is None else {**shown, "lastActive": stored.last_active}

    def read(
        self,
        session: Session,  # noqa: ARG002 - the same for everybody
        body: Mapping[str, JSON],
        old: Stored | None,
    ) -> tuple[Values, dict[str, JSON]]:
        """Read a body. What an update lacks stays as it is, but ``disabled`` becomes false, and the name stays.

        (recorded: user-get-after-update, user-reenabled-get, user-update-rename-mismatch)
        """
        given, name = text_map(body.get("attributes")), text(body.get("username"))
        password, disabled = text(body.get("password")), text(body.get("disabled")) == "true"
        if given is None or (old is None and name is None):
            raise internal_error()
        if old is not None:
            kept = attributes.merged(attributes.USER, old.attributes, given)
            hidden = old.hidden if password is None else hidden_password(password)
            return Values(old.name, None, DISABLED if disabled else ENABLED, kept, hidden), {}
        name = checked_name(name, "The username must not be blank.")
        answer: dict[str, JSON] = {"username": name, "disabled": disabled}
        answer["attributes"] = {**attributes.echoed(attributes.USER, given)}
        if password is not None:
            answer["password"] = password
        # The answer repeats ``disabled``, but only an update stores it (recorded: user-disabled-created-get).
        kept = attributes.stored(attributes.USER, given)
        return Values(name, None, ENABLED, kept, hidden_password(password)), answer

    def insert(self, session: Session, values: Values, answer: dict[str, JSON]) -> dict[str, JSON]:
        """Store a new account, which may READ itself (recorded: permissions-get-new-user)."""
        made = int(str(super().insert(session, values, answer)["identifier"]))
        self._store.grant(made, made, ("READ",))
        return answer

    def discard(self, session: Session, identifier: str) -> None:
        """Delete an account, but not the user's own (recorded: user-batch-remove-self).

        Its tokens stay alive but see nothing (recorded: deleted-user-list).
        """
        stored = self.lookup(identifier)
        if stored is not None and stored.id == session.user:
            raise GuacamoleError(501, "Deleting your own user is not allowed.")
        super().discard(session, identifier)


def hidden_password(password: str | None) -> dict[str, str]:
    """Return what is stored of a password: nothing of an empty one, which nobody can log in with."""
    salt = secrets.token_hex(32)
    return {"salt": salt, "hash": _digest(password, salt)} if password else {}


def accepts(user: Stored, password: str) -> bool:
    """Return whether this is a user's password. A user without one has none (recorded: login-user-without-password)."""
    hidden = user.hidden
    return bool(hidden) and hmac.compare_digest(_digest(password, hidden["salt"]), hidden["hash"])


def _digest(password: str, salt: str) -> str:
    # One round of SHA-256 over the salted password is as fast as Guacamole's own scheme, so many log-ins are too.
    return hashlib.sha256((salt + password).encode()).hexdigest()
