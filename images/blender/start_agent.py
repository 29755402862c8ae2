"""Starts the agent in Blender, from the folder of this file; run as `blender --python start_agent.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from agent.runner import start

start()
