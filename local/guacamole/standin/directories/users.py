"""User accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import attributes, bodies
from standin.directories.base import LONGEST_NAME_CHARACTERS, Directory, refuse_taken
from standin.errors import bad_request, internal_error, permission_denied, unsupported
from standin.store.users import User

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standin.errors import JSON
    from standin.sessions import Session


class UserDirectory(Directory[User]):
    """User accounts. The identifier is the name, and it is case-sensitive (recorded: user-get-case)."""

    table = "user"
    create_permission = "CREATE_USER"

    def all(self) -> list[User]:
        """Return all accounts."""
        return self._state.users.all()

    def lookup(self, identifier: str) -> User | None:
        """Return the account with a name."""
        return self._state.users.named(identifier)

    def key(self, stored: User) -> int:
        """Return an account's id."""
        return stored.id

    def identifier(self, stored: User) -> str:
        """Return an account's name."""
        return stored.name

    def view(self, session: Session, stored: User) -> dict[str, JSON]:
        """Return an account as JSON. Only its administrators see its restrictions (recorded: user-list-users)."""
        full = self.may(session, stored, "ADMINISTER")
        return about(stored, full=full, disabled=stored.disabled)

    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new account, and return a function that inserts it."""
        given, name = bodies.text_map(body.get("attributes")), bodies.text(body.get("username"))
        password = bodies.text(body.get("password"))
        if given is None or name is None:
            raise internal_error()
        self.require_create(session)
        if not name.strip():
            raise bad_request("The username must not be blank.")
        if len(name) > LONGEST_NAME_CHARACTERS or "\0" in name:
            raise internal_error()
        refuse_taken(int(self._state.users.named(name) is not None), "User", name)

        def insert() -> dict[str, JSON]:
            # The answer repeats ``disabled``, but only an update stores it (recorded: user-disabled-created-get).
            key = self._state.users.create(name, password, attributes.stored(attributes.USER, given))
            self._state.permissions.grant("user", key, key, ("READ",))
            self.grant_creator(session, key)
            answer: dict[str, JSON] = {"username": name}
            if password is not None:
                answer["password"] = password
            echo: dict[str, JSON] = {**attributes.echoed(attributes.USER, given)}
            return {**answer, "disabled": _flag(body.get("disabled")), "attributes": echo}

        return insert

    def replace(self, session: Session, stored: User, body: Mapping[str, JSON]) -> None:  # noqa: ARG002
        """Update an account. If the body lacks them, attributes and password stay, and ``disabled`` becomes false.

        (recorded: user-get-after-update, user-reenabled-get)
        """
        given = bodies.text_map(body.get("attributes"))
        if given is None:
            raise internal_error()
        password = bodies.text(body.get("password"))
        self._state.users.update(
            stored.id,
            disabled=_flag(body.get("disabled")),
            attributes=attributes.merged(attributes.USER, stored.attributes, given),
        )
        if password is not None:
            self._state.users.set_password(stored.id, password)

    def change_password(self, session: Session, identifier: str, body: Mapping[str, JSON]) -> None:
        """Change a password.

        Raises:
            GuacamoleError: The old password is wrong, or the user may not UPDATE the account (recorded:
                user-password-self-without-update, user-password-self-wrong-old).
        """
        stored = self.find(session, identifier)
        if not self.may(session, stored, "UPDATE") or not stored.accepts(bodies.text(body.get("oldPassword")) or ""):
            raise permission_denied()
        self._state.users.set_password(stored.id, bodies.text(body.get("newPassword")) or "")

    def remove(self, session: Session, stored: User) -> None:
        """Delete an account. Its tokens stay alive but see nothing (recorded: deleted-user-self, deleted-user-list).

        Raises:
            GuacamoleError: The account is the user's own (recorded: user-batch-remove-self).
        """
        if stored.id == session.user:
            raise unsupported("Deleting your own user is not allowed.")
        self._state.users.delete(stored.id)

    def delete(self, session: Session, identifier: str) -> None:
        """Delete one account.

        Raises:
            GuacamoleError: The account is unknown or the user's own (recorded: user-delete-self), or the user may not
                DELETE it.
        """
        stored = self.find(session, identifier)
        if stored.id != session.user:
            self.require(session, stored, "DELETE")
        self.remove(session, stored)


def about(user: User, *, full: bool, disabled: bool = False) -> dict[str, JSON]:
    """Return an account as JSON.

    Args:
        user: The account.
        full: Whether to include the attributes that restrict the account.
        disabled: What to show as ``disabled``.
    """
    known = attributes.USER if full else attributes.PROFILE
    shown: dict[str, JSON] = {
        "username": user.name,
        "disabled": disabled,
        "attributes": {name: user.attributes.get(name) for name in known},
    }
    if user.last_active is not None:
        shown["lastActive"] = user.last_active
    return shown


def _flag(value: JSON) -> bool:
    return bodies.text(value) == "true"
