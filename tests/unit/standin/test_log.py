"""The stand-in's log holds no token."""

import pytest

from standin.container import redacted


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/guacamole/api/tokens/ABCDEF", "/guacamole/api/tokens/…"),
        ("/guacamole/api/tokens", "/guacamole/api/tokens"),
        ("/guacamole/api/session/data/mysql/connections/7", "/guacamole/api/session/data/mysql/connections/7"),
    ],
)
def test_tokens_are_cut_out_of_paths(path: str, shown: str) -> None:
    assert redacted(path) == shown
