"""Starts the bridge in Blender, from the folder of this file; run as `blender --python start_bridge.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bridge.loop import start

start()
