"""The operator's event loop."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, Final

ALL_ADDRESSES: Final = "::"
"""As the host of a server: all addresses of IPv4 and of IPv6, as far as the pod has them."""


class EventLoop(asyncio.SelectorEventLoop):
    """An event loop that ends all connections when it is closed.

    A watch that is cancelled sends TLS' farewell. Neither Kopf nor aiohttp waits for the API server's
    answer, which comes late on a busy machine. Without an end here the socket would be left to the garbage collector.
    """

    def __init__(self) -> None:
        super().__init__()
        self._opened: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    async def create_connection(self, *args: Any, **options: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """Open a connection, as the base class does."""
        transport, protocol = await super().create_connection(*args, **options)
        self._opened.add(transport)
        return transport, protocol

    async def create_server(self, protocol_factory: Any, host: Any = None, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Listen, as the base class does. There `::` would be IPv6 alone, and Kopf takes one host."""
        return await super().create_server(protocol_factory, None if host == ALL_ADDRESSES else host, *args, **options)

    def close(self) -> None:
        """End the connections, and close the loop."""
        if not self.is_closed():
            for transport in list(self._opened):
                transport.abort()
            # The sockets are closed in the next turn.
            self.run_until_complete(asyncio.sleep(0))
        super().close()
