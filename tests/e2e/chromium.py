"""How Chromium is started, and how large its window is."""

SIZE = {"width": 1280, "height": 760}
"""The size of a desktop of 1280x720 and of the line under it, in which the stand-in names itself."""
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
