"""Asks for one URL, at the addresses that are allowed and no others."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from scene.addresses import Network, could_be_address, is_allowed
from scene.failure import Reason, SceneRefused
from scene.names import printable

MAX_REDIRECTS: Final = 5
CONNECT_SECONDS: Final = 30.0
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MAX_SHOWN_PATH: Final = 200

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host."""


class Interrupted(Exception):  # noqa: N818 - named after what happened
    """The answer did not come, or not to its end. Another try may succeed.

    Args:
        message: a sentence.
        seconds: how long the server wants to be left alone; 0 if it did not say.
    """

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


async def look_up(host: str, port: int) -> Sequence[str]:
    """Return a host's addresses as the system resolves it.

    Raises:
        OSError: it cannot be resolved.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class GuardedResolver(AbstractResolver):
    """Gives the client only addresses that are allowed. What was checked is what is connected to.

    Args:
        networks: private networks that are allowed.
        lookup: returns the addresses of a host.
    """

    def __init__(self, networks: Sequence[Network], lookup: Lookup = look_up) -> None:
        self._networks = networks
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the allowed addresses of a host.

        Raises:
            SceneRefused: it has none.
            OSError: it cannot be resolved.
        """
        allowed = [each for each in await self._lookup(host, port) if is_allowed(each, self._networks)]
        if not allowed:
            raise refused_address(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in allowed
            if family in (socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET)
        ]

    async def close(self) -> None:
        """Do nothing; nothing is held."""


def refused_address(host: str) -> SceneRefused:
    """Return the refusal of a host whose addresses are not allowed. It does not tell what they are."""
    return SceneRefused(
        Reason.UNREACHABLE,
        f"{host} is not a public address, so no scene is fetched from there. Ask an administrator to allow its network "
        "(desktops.fetch.allowedNetworks; loopback, link-local and metadata addresses stay closed), or upload the "
        "scene.",
    )


def shown(url: URL) -> str:
    """Write a URL for people, without what may be secret: user, query and fragment."""
    port = "" if url.is_default_port() or url.explicit_port is None else f":{url.explicit_port}"
    return f"{url.scheme}://{url.host}{port}{printable(url.path)[:_MAX_SHOWN_PATH]}"


def parse_url(text: str) -> URL:
    """Parse the address of a scene.

    Raises:
        SceneRefused: it is no URL of the form `https://HOST/...`.
    """
    try:
        url = URL(text)
        # Yarl finds some mistakes only when a part is asked for.
        is_valid = url.scheme == "https" and bool(url.host) and url.port is not None and url.user is None
        is_valid = is_valid and url.password is None
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SceneRefused(
            Reason.UNREACHABLE, "The scene's address must have the form https://HOST/PATH, without a user name."
        )
    return url


class Web:
    """Asks for URLs by HTTPS only.

    Args:
        networks: private networks that are allowed.
        ca_file: certificates that are trusted besides the system's; it may be missing.
        lookup: returns the addresses of a host.
    """

    def __init__(self, networks: Sequence[Network], ca_file: Path | None = None, lookup: Lookup = look_up) -> None:
        self._networks = networks
        self._ca_file = ca_file
        self._lookup = lookup

    @asynccontextmanager
    async def get(self, url: URL, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for a URL and follow its redirects, each of them checked. The answer is given when its headers are there.

        Raises:
            SceneRefused: a redirect or an address is refused, or the server cannot be trusted.
            Interrupted: there is no answer.
        """
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._networks, self._lookup),
            use_dns_cache=False,
            ssl=_context(self._ca_file),
            force_close=True,
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=CONNECT_SECONDS)
        # The environment's proxy and `.netrc` are not trusted, and no cookie is kept.
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "blender-sessions", "Accept-Encoding": "identity"},
        ) as session:
            response = await self._follow(session, url, headers)
            try:
                yield response
            finally:
                response.close()

    async def _follow(
        self, session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        current = url
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._ask(session, current, headers)
            if response.status not in _REDIRECTS:
                return response
            response.close()
            current = _redirected(current, response.headers.get("Location", ""))
        raise SceneRefused(
            Reason.UNREACHABLE,
            f"{shown(url)} leads on to another address more than {MAX_REDIRECTS} times. Give the scene's own address.",
        )

    async def _ask(
        self, session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        host = url.raw_host or ""
        # The client asks no resolver for what looks like an address.
        if could_be_address(host) and not is_allowed(host, self._networks):
            raise refused_address(host)
        try:
            return await session.get(url, headers=headers, allow_redirects=False)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            raise SceneRefused(
                Reason.UNREACHABLE,
                f"The certificate of {host} is not trusted. Ask an administrator to add its authority to the session "
                "class (transfer.caConfigMap).",
            ) from None
        except aiohttp.ClientConnectorDNSError:
            raise Interrupted(f"{host} has no address.") from None
        except (aiohttp.ClientConnectionError, TimeoutError):
            raise Interrupted(f"{shown(url)} does not answer.") from None
        except (aiohttp.ClientError, ValueError):
            raise SceneRefused(Reason.UNREACHABLE, f"{shown(url)} gives an answer that is not HTTP.") from None


def _redirected(former: URL, location: str) -> URL:
    try:
        return parse_url(str(former.join(URL(location)))) if location else parse_url("")
    except (SceneRefused, ValueError):
        raise SceneRefused(
            Reason.UNREACHABLE,
            f"{shown(former)} leads on to an address that is not allowed: only https://HOST/PATH is followed.",
        ) from None


def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Python 3.13 refuses certificates without identifiers of their authority's key, as many companies' own are.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_file is not None and ca_file.exists():
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError):
            raise SceneRefused(
                Reason.UNREACHABLE,
                "The session class's own certificate authority (transfer.caConfigMap) cannot be read. Ask an "
                "administrator to put certificates in PEM form into ca.crt.",
            ) from None
    return context
