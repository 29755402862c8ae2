"""What Kubernetes shows of a container that could not start."""

import json
from pathlib import Path

EXIT_CODE = 64


class StartError(Exception):
    """The container cannot do its work; `reason` is one word for programs, the text is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def write(self, termination_log: Path) -> None:
        """Write the reason where Kubernetes reads it, as one JSON object."""
        termination_log.write_text(json.dumps({"reason": self.reason, "message": str(self)}))
