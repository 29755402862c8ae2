"""Puts together who a person is, how sessions open for people, and the addresses that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from blendersessions.clients.guacamole.token_cache import SignIn
from blendersessions_portal.account import AccountIdentifier
from blendersessions_portal.browser_cookie import BrowserCookie
from blendersessions_portal.browser_token_store import BrowserTokens
from blendersessions_portal.header_identity import HeaderIdentifier, HeaderNames
from blendersessions_portal.identity import AnonymousIdentifier, SignInNeededError
from blendersessions_portal.opening import GuestOpening, PersonOpening
from blendersessions_portal.person_tokens import Guacamole, PersonTokens
from blendersessions_portal.roles import Roles
from blendersessions_portal.sign_on_pages import SignOnPages
from blendersessions_portal.sign_on_settings import PREFIX, SignOnMode
from blendersessions_portal.trusted_proxies import TrustedProxies

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from blendersessions_portal.cookies import Site
    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.departures import Departures
    from blendersessions_portal.identity import Identifier
    from blendersessions_portal.opening import Opening
    from blendersessions_portal.problems import Handler
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.sign_on_settings import SignOnSettings
    from blendersessions_portal.signing import Signer


class GuacamoleSignIn(SignIn, Guacamole, Protocol):
    """All that the portal asks of Guacamole."""


@dataclass(frozen=True)
class Parts:
    """The portal's parts that every sign-on uses.

    Attributes:
        public_url: what browsers open, with a trailing slash.
    """

    public_url: str
    site: Site
    signer: Signer
    guard: CsrfGuard
    store: SessionStore
    guacamole: GuacamoleSignIn
    renderer: Renderer
    departures: Departures


@dataclass(frozen=True)
class SignOn:
    """How people are known to the portal and get into their sessions.

    Attributes:
        handlers: what answers errors in place of the portal's own pages.
    """

    identifier: Identifier
    opening: Opening
    routes: list[BaseRoute] = field(default_factory=list)
    handlers: dict[int | type[Exception], Handler] = field(default_factory=dict)


def make_sign_on(settings: SignOnSettings, parts: Parts) -> SignOn:
    """Return the sign-on that the settings choose.

    Raises:
        ValueError: the proxy's key can be guessed, or the portal shares its host with other applications.
    """
    if not settings.signs_on:
        return _guests(parts)
    if urlsplit(parts.public_url).path != "/":
        # The host's other applications would get the cookie of the sign-on.
        raise ValueError(
            f"{parts.public_url} has a path, which does not go together with {PREFIX}MODE={settings.mode}: give the"
            " portal a host name of its own, or let people be guests"
        )
    if settings.mode is SignOnMode.OPENID:
        return _by_openid(settings, parts)
    return _by_header(settings, parts)


def _guests(parts: Parts) -> SignOn:
    site = parts.site
    identifier = AnonymousIdentifier(parts.signer, secure=site.secure, whole_host=site.whole_host)
    tokens = BrowserTokens(parts.guacamole, parts.signer, site)
    return SignOn(identifier, GuestOpening(parts.public_url, parts.store, tokens))


def _by_header(settings: SignOnSettings, parts: Parts) -> SignOn:
    identifier = HeaderIdentifier(
        HeaderNames(settings.user_header, settings.name_header, settings.groups_header, settings.groups_separator),
        TrustedProxies(settings.trusted_proxies, settings.read_proxy_key()),
        roles(settings),
        BrowserCookie(parts.signer, parts.site),
        reserved=settings.reserved,
        fold_case=settings.fold_case,
    )
    tokens = PersonTokens(parts.guacamole, parts.departures)
    pages = SignOnPages(identifier, parts.guard, tokens, parts.renderer, settings.sign_out_url)
    shown = AccountIdentifier(identifier, parts.guard, tokens, can_sign_out=bool(settings.sign_out_url))
    opening = PersonOpening(parts.public_url, parts.store, parts.renderer, parts.signer)
    return SignOn(shown, opening, [*pages.routes()])


def _by_openid(settings: SignOnSettings, parts: Parts) -> SignOn:
    # Its libraries take memory that a portal without it need not have.
    from blendersessions_portal.openid.build import build  # noqa: PLC0415

    pages = build(settings, parts, roles(settings))
    return SignOn(
        AccountIdentifier(pages.identifier, parts.guard, pages.common.tokens, can_sign_out=True),
        PersonOpening(parts.public_url, parts.store, parts.renderer, parts.signer),
        [*pages.routes()],
        {SignInNeededError: pages.needed},
    )


def roles(settings: SignOnSettings) -> Roles:
    """Return what the groups of the settings allow."""
    classes: dict[str, tuple[str, ...]] = {}
    for entry in settings.classes:
        classes[entry.group] = (*classes.get(entry.group, ()), *entry.classes)
    return Roles(frozenset(settings.admin_groups), classes)
