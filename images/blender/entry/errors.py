"""Reports to Kubernetes why the container could not start."""

import json
from pathlib import Path

EXIT_CODE = 64
"""The exit code of a container that has written its reason."""


class StartError(Exception):
    """The container cannot start or go on.

    Args:
        reason: one word for programs.
        message: sentences for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def write(self, termination_log: Path) -> None:
        """Write reason and message as one JSON object to the file from which Kubernetes reads it."""
        termination_log.write_text(json.dumps({"reason": self.reason, "message": str(self)}))
