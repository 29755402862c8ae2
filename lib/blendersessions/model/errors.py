"""The domain errors: one class for each kind of failure that is handled differently."""

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
    """An expected failure. Its message is shown to users: it names the object, what is wrong, and what to do.

    The message must be the same for each repetition of a failure. Otherwise each attempt would change the status.
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


class Altered(DomainError):  # noqa: N818 - the word alone says it
    """Something in the cluster changes what is written, so writing it again does not help."""


class Conflict(DomainError):  # noqa: N818 - the word alone says it
    """The object exists already, or somebody else has changed it since it was read."""


class AlreadyThere(Conflict):
    """A file has the name, and was not to be replaced."""


class NameTaken(Conflict):
    """An object has a name of ours and is not ours. It is neither adopted nor deleted."""


class OwnerTaken(Conflict):
    """The Guacamole user of the owner's name was made for others, who know its password. Nothing is granted to it."""


class OwnerNotAllowed(DomainError):  # noqa: N818 - the words of the condition
    """The Guacamole user is an administrator's, and its record does not admit sessions of the namespace."""


class UserMissing(DomainError):  # noqa: N818 - the words alone say it
    """The Guacamole user does not exist, and the operator may not make it."""


class TooManyUsers(DomainError):  # noqa: N818 - the words alone say it
    """The namespace has as many Guacamole users as it may have."""


class GroupTaken(Conflict):
    """Our connection group in Guacamole belongs to another installation, or cannot get its name. It is not touched."""


class Unauthorised(DomainError):  # noqa: N818 - the word alone says it
    """The account is refused, or lacks the right."""


class SignedOut(Unauthorised):
    """The API server does not know who asks, for instance because a token has expired. That tells nothing of rights."""


class Unavailable(DomainError):  # noqa: N818 - the word alone says it
    """There was no answer, or the request is refused for now. A later attempt may succeed."""


class NotYet(Unavailable):
    """The request is refused for now. `seconds` says after how many it may be sent again."""

    def __init__(self, message: str, system: System, seconds: int) -> None:
        super().__init__(message, system)
        self.seconds = seconds


class Busy(Unavailable):
    """A desktop cannot save now, because its Blender works. The message says at what."""


class OutcomeUnknown(Unavailable):
    """The connection broke after the request was sent, which may or may not have been carried out."""


class Expired(Unavailable):
    """The resource version or the continue token is too old: the list or watch must start from the beginning."""


class Invalid(DomainError):  # noqa: N818 - the word alone says it
    """The request is refused for its content. Another attempt fails too until somebody changes the content."""


class NoSuchRange(Invalid):
    """A file does not have the part that is asked for."""
