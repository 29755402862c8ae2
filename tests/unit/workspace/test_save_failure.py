"""The message of a failed save includes what a person can do about it."""

import errno
import os
from pathlib import Path

import pytest

from workspace.save_failure import explain_save_failure

FILE = Path("/home/blender/cart.blend")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_an_error_of_a_full_volume_is_507(number: int) -> None:
    failed = explain_save_failure(FILE, f"Error: {os.strerror(number)}\n", 10**9)
    assert failed.status == 507
    assert str(failed).startswith("cart.blend was not saved: the volume of /home/blender is full.")


def test_a_full_volume_is_507_whatever_the_error_of_blender_is() -> None:
    assert explain_save_failure(FILE, "Error: failed", 4096).status == 507


@pytest.mark.parametrize("free", [10**9, None])
def test_another_failure_is_500_with_the_error_of_blender(free: int | None) -> None:
    failed = explain_save_failure(
        FILE, 'Error: Cannot save blend file,\npath "/home/blender/cart.blend" is not writable.\n', free
    )
    assert failed.status == 500
    expected = (
        "cart.blend was not saved. The file is unchanged. "
        'Blender reports: Cannot save blend file, path "/home/blender/cart.blend" is not writable.'
    )
    assert failed.message == expected
