"""Another Blender in a desktop's container, without a window: it makes and reads files for the tests."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.desktop import Desktop


def in_blender(desktop: Desktop, script: str, *options: str) -> str:
    """Run a script in another Blender, without a window, in a desktop's container."""
    encoded = base64.b64encode(script.encode()).decode()
    return desktop.agent.run(
        f"mkdir -p /tmp/made /tmp/home; echo {encoded} | base64 -d > /tmp/script.py; "
        f"HOME=/tmp/home blender --background --factory-startup {' '.join(options)} --python-exit-code 1 "
        "--python /tmp/script.py 2>&1"
    )


def made(desktop: Desktop, script: str) -> dict[str, bytes]:
    """Make files in a desktop's /tmp/made by a script; return them, and all packed as `cart.zip`."""
    in_blender(desktop, script)
    packed = desktop.agent.run(
        "cd /tmp/made; rm -f cart.zip; python3 -m zipfile -c cart.zip *; for f in *; do echo $f $(base64 -w0 $f); done"
    )
    return {name: base64.b64decode(content) for name, content in (line.split() for line in packed.splitlines())}
