"""Which connections may say who a person is.

The portal stands behind the chart's own proxy. That proxy proves itself by a key that both know, and says from which
address its own connection came. That address must be trusted. Without a key, it is the address of the portal's own
connection.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

KEY_HEADER: Final = "X-Sign-On-Key"
PEER_HEADER: Final = "X-Sign-On-Peer"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies whose headers count.

    Attributes:
        networks: where they are.
        key: what proves that a request comes by our own proxy; empty if the portal has no such proxy.
    """

    networks: Sequence[Network]
    key: bytes = field(default=b"", repr=False)

    def sender(self, request: Request) -> str:
        """Return the address of the connection whose headers these are; empty if it is not known."""
        if not self.key:
            return request.client.host if request.client else ""
        given = request.headers.get(KEY_HEADER, "").encode("latin-1")
        # Our proxy sets both on each request, whatever came in. Nobody else reaches the portal with headers that count.
        return request.headers.get(PEER_HEADER, "") if hmac.compare_digest(given, self.key) else ""

    def trust(self, request: Request) -> bool:
        """Return whether the request's headers may say who sent it."""
        try:
            address = ipaddress.ip_address(self.sender(request))
        except ValueError:
            return False
        # A socket of both families shows addresses of IPv4 in this form.
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self.networks)
