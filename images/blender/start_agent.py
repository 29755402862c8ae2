"""What Blender runs at its start (`blender --python`): the agent, from the folder of this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from agent.runner import start

start()
