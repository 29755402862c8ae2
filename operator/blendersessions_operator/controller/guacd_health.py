"""What is known of guacd, without which no desktop can be opened."""

from __future__ import annotations

from dataclasses import dataclass

FAILED_CHECKS = 2
"""This number of failures in a row counts: a single lost check must not change the status of every session."""


@dataclass
class GuacdHealth:
    """Whether guacd answers. Until it is checked, and without an address, nothing is claimed."""

    host: str = ""
    port: int = 0
    failures: int = 0
    """Checks that failed in a row."""

    @property
    def error(self) -> str:
        """What a person is told while guacd does not answer; empty otherwise. It is the same at each check."""
        if self.failures < FAILED_CHECKS:
            return ""
        return (
            f"guacd at {self.host}:{self.port} does not answer, so no desktop can be opened. It is asked again, and "
            "nothing is lost meanwhile. Check that its pod runs and is ready."
        )

    def record(self, *, answered: bool) -> bool:
        """Record the outcome of a check, and return whether `error` changed."""
        former = self.error
        self.failures = 0 if answered else self.failures + 1
        return self.error != former
