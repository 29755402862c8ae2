"""What a class lets in and out of its sessions' desktops. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model.fields import number, section

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

_MAX_BYTES: Final = 2 * 1024**3
"""The largest file of a class that says nothing."""


@dataclass(frozen=True)
class TransferRules:
    """What the class allows; without a class, its defaults.

    Attributes:
        upload: whether files may go in.
        download: whether files may go out.
        max_bytes: the largest file.
        addresses: whether a desktop may fetch its scene from an address.
    """

    upload: bool = True
    download: bool = True
    max_bytes: int = _MAX_BYTES
    addresses: bool = False


def rules_in(session_class: Manifest) -> TransferRules:
    """Read the rules of a class. What is malformed takes its default."""
    spec = section(session_class.get("spec"))
    transfer = section(spec.get("transfer"))
    return TransferRules(
        upload=transfer.get("upload") is not False,
        download=transfer.get("download") is not False,
        max_bytes=number(transfer.get("maxBytes")) or _MAX_BYTES,
        addresses=spec.get("egress") == "Public",
    )
