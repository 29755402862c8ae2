"""The Guacamole that the black-box suite talks to.

By default it is a stand-in. With ``GUACAMOLE_URL``, ``GUACAMOLE_USER`` and ``GUACAMOLE_PASSWORD`` it is any
Guacamole, and the user an administrator of it; whatever the tests make there has a name that begins with ``contract-``,
and is removed. ``GUACAMOLE_PERSON_HEADER`` is the header by which its header extension learns who somebody is.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from contract.blackbox import Api
from contract.standins import Guacamole, running

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = os.environ.get("GUACAMOLE_URL")
PERSON_HEADER = os.environ.get("GUACAMOLE_PERSON_HEADER", "") if URL else "X-Person"
# A Guacamole without the header extension is not put to its tests.
collect_ignore = [] if PERSON_HEADER else ["test_header.py"]


@pytest.fixture(scope="session")
def guacamole() -> Iterator[Guacamole]:
    """The server under test."""
    if URL:
        password = os.environ["GUACAMOLE_PASSWORD"]
        yield Guacamole(URL.rstrip("/") + "/", os.environ["GUACAMOLE_USER"], password)
        return
    with running(person_header=PERSON_HEADER) as standin:
        yield standin


@pytest.fixture(scope="session")
def person_header() -> str:
    """The header that names people to the server under test."""
    return PERSON_HEADER


@pytest.fixture
def api(guacamole: Guacamole) -> Iterator[Api]:
    """The administrator's session, and a group of its own for one test."""
    with ExitStack() as stack:
        yield Api(guacamole, stack)
