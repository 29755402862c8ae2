"""Writes sizes and times for people."""


def megabytes(count: int) -> str:
    """Write a number of bytes: `12 MB`, or `1.5 GB`."""
    if count >= 1_000_000_000:
        return f"{count / 1_000_000_000:.1f} GB"
    return f"{_rounded(count)} MB"


def progress(received: int, total: int | None) -> str:
    """Write how far a transfer is: `12 of 40 MB`, or `12 MB` if the whole is not known."""
    if total is None:
        return megabytes(received)
    if total >= 1_000_000_000:
        return f"{received / 1_000_000_000:.1f} of {megabytes(total)}"
    return f"{received // 1_000_000} of {megabytes(total)}"


def duration(seconds: float) -> str:
    """Write a time: `45 seconds`, or `10 minutes`."""
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"


def _rounded(count: int) -> int:
    """Return whole megabytes; what is not empty is at least one."""
    return max(1, round(count / 1_000_000)) if count else 0
