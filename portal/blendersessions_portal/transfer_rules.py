"""What a class lets in and out of its sessions' desktops. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model.scene_rules import reaches_addresses
from blendersessions.model.session_class import Transfer, parse_session_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.model.manifest import Manifest

_DEFAULTS: Final = Transfer()


@dataclass(frozen=True)
class TransferRules:
    """What the class allows; without a class, its defaults.

    Attributes:
        upload: whether files may go in.
        download: whether files may go out.
        max_bytes: the largest file.
        addresses: whether a desktop may fetch its scene from an address.
    """

    upload: bool = _DEFAULTS.upload
    download: bool = _DEFAULTS.download
    max_bytes: int = _DEFAULTS.max_bytes
    addresses: bool = False


def rules_of_any(rules: Sequence[TransferRules]) -> TransferRules:
    """Return what at least one of some classes allows. What is sent is checked by the rules of its own class."""
    return TransferRules(
        upload=any(each.upload for each in rules),
        download=any(each.download for each in rules),
        max_bytes=max(each.max_bytes for each in rules),
        addresses=any(each.addresses for each in rules),
    )


def rules_in(session_class: Manifest) -> TransferRules:
    """Read the rules of a class; the defaults if it is malformed, since no session of it starts."""
    parsed = parse_session_class(session_class)
    transfer = parsed.spec.transfer
    return TransferRules(transfer.upload, transfer.download, transfer.max_bytes, reaches_addresses(parsed))
