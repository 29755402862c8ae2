"""What the operator logs when it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from blendersessions_operator.handlers.logs import log_loop_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest


async def stubborn() -> AsyncIterator[int]:
    try:
        yield 1
    finally:
        raise RuntimeError("does not let itself be closed")


def test_a_watch_that_cannot_be_closed_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def ends_with_an_open_watch() -> AsyncIterator[int]:
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        watch = stubborn()
        await anext(watch)
        return watch

    with caplog.at_level(logging.DEBUG, "blendersessions_operator.handlers.logs"):
        asyncio.run(ends_with_an_open_watch())
    [logged] = [record for record in caplog.records if "in order" in record.getMessage()]
    assert (logged.levelname, logged.exc_info) == ("DEBUG", None)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_any_other_fault_is_still_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log_loop_error)
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    asyncio.run(fails())
    assert "ZeroDivisionError" in caplog.text
