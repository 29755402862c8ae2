"""Searches the objects of the open file."""

from typing import TYPE_CHECKING, Final

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_OBJECTS: Final = 5000
"""A file with more objects is not searched, because the search would be noticed."""


def searched_objects() -> "Iterable[bpy.types.Object]":
    """Return all objects of the open file; none if there are too many to search."""
    return () if len(bpy.data.objects) > MAX_OBJECTS else bpy.data.objects
