"""What can go wrong outside, in the few kinds that make a difference to what is done next."""

from __future__ import annotations

from enum import StrEnum


class System(StrEnum):
    """The system that failed or refused a request."""

    GUACAMOLE = "Guacamole"
    KUBERNETES = "Kubernetes"
    AGENT = "Agent"
    """The agent beside Blender in a desktop."""
    OWN = "Blender sessions"
    """None of the others: the operator, the portal or the command itself."""


class DomainError(Exception):
    """An expected failure. Its text is shown to people: it names the object, what is wrong, and what to do.

    The text must be the same each time the same thing fails, or the status would change with every attempt.
    """

    def __init__(self, message: str, system: System) -> None:
        super().__init__(message, system)
        self.system = system

    def __str__(self) -> str:
        return str(self.args[0])


class NotFound(DomainError):  # noqa: N818 - the word alone says it
    """The object does not exist."""


class KindUnknown(NotFound):
    """The API server serves no objects of the kind: its definition is missing."""


class Conflict(DomainError):  # noqa: N818 - the word alone says it
    """The object exists already, or was changed by somebody else in between."""


class NameTaken(Conflict):
    """An object of our name exists that is not ours: it is neither adopted nor deleted."""


class OwnerTaken(Conflict):
    """The Guacamole user of the owner's name was made for others, who hold its password: nothing is granted to it."""


class Unauthorised(DomainError):  # noqa: N818 - the word alone says it
    """The account is refused, or lacks the right."""


class Unavailable(DomainError):  # noqa: N818 - the word alone says it
    """No answer, or one that says "not now": trying again later may help."""


class OutcomeUnknown(Unavailable):
    """The connection broke after the request was sent: it may or may not have been carried out."""


class Expired(Unavailable):
    """What a list or a watch is to go on from is too old by now: it must be begun anew."""


class Invalid(DomainError):  # noqa: N818 - the word alone says it
    """The request is refused for what it says: trying again does not help until somebody changes it."""
