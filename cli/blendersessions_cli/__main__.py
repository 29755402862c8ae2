"""Run the command: `blendersessions`, `kubectl blender`, or `python -m blendersessions_cli`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from blendersessions_cli.commands import cli
from blendersessions_cli.completion import complete_for_kubectl


def main() -> None:
    """Run the command line, under the name that it was started by."""
    _silence()
    # kubectl runs its plugin `kubectl blender` as a program of this name.
    plugin = Path(sys.argv[0]).stem == "kubectl-blender"
    cli(prog_name="kubectl blender" if plugin else "blendersessions")


def complete() -> None:
    """Offer names to kubectl, which runs this as `kubectl_complete-blender`."""
    _silence()
    complete_for_kubectl(cli, sys.argv[1:])


def _silence() -> None:
    # Some libraries log whole addresses, and an address can hold a token. Others log failures that the command reports.
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    main()
