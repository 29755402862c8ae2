"""Runs a program of this folder: `python3 -I run.py MODULE ARGUMENT...`.

With `-I`, Python adds neither the working directory nor a user's folder to its path. Then a file such as `random.py` in
the home folder, or whatever the environment says, cannot take the place of a module.
"""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
