"""The operator's process passes its identity to Kopf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kopf

from blendersessions_operator.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_kopf_gets_an_explicit_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an identity Kopf looks up the account's name, which a container's user does not have, and fails."""
    password = tmp_path / "password"
    password.write_text("secret")
    for name, value in {
        "GUACAMOLE_URL": "http://guacamole/guacamole/",
        "GUACAMOLE_USERNAME": "admin",
        "GUACAMOLE_PASSWORD_FILE": str(password),
        "PUBLIC_URL": "http://localhost/",
        "BLENDER_IMAGE": "blender",
    }.items():
        monkeypatch.setenv(f"BLENDERSESSIONS_{name}", value)
    options: dict[str, object] = {}
    monkeypatch.setattr(kopf, "run", options.update)

    main()

    assert options["identity"]
