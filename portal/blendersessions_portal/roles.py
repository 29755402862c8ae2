"""What the groups of a person allow: to administer, and classes to choose from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVERYBODY: Final = "*"
"""The group of all who are signed in."""


@dataclass(frozen=True)
class Roles:
    """The groups of a sign-on that mean something here. Names of groups must match in every character.

    Attributes:
        admin_groups: whose members are administrators.
        classes_of: for each group, the classes that its members may choose from, the first of them by default.
    """

    admin_groups: frozenset[str]
    classes_of: Mapping[str, Sequence[str]]

    def is_admin(self, groups: Iterable[str]) -> bool:
        """Return whether a person of these groups is an administrator."""
        return not self.admin_groups.isdisjoint(groups)

    def classes(self, groups: Iterable[str]) -> tuple[str, ...]:
        """Return the classes that a person of these groups may choose from, in the order of the settings."""
        own = {*groups, EVERYBODY}
        chosen = (name for group, names in self.classes_of.items() if group in own for name in names)
        return tuple(dict.fromkeys(chosen))
