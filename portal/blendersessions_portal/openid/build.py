"""Builds the sign-on by OpenID Connect from the settings and the portal's parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from blendersessions_portal.browser_cookie import BrowserCookie
from blendersessions_portal.openid.flows import Flows
from blendersessions_portal.openid.identity import ClaimNames, OpenIDIdentifier
from blendersessions_portal.openid.logout import LogoutTokens
from blendersessions_portal.openid.pages import CALLBACK, OpenIDPages
from blendersessions_portal.openid.provider import Provider, ProviderSettings
from blendersessions_portal.openid.sign_ons import SignOns
from blendersessions_portal.person_tokens import PersonTokens
from blendersessions_portal.sign_on_pages import SignOnPages

if TYPE_CHECKING:
    from blendersessions_portal.roles import Roles
    from blendersessions_portal.sign_on import Parts
    from blendersessions_portal.sign_on_settings import SignOnSettings


def build(settings: SignOnSettings, parts: Parts, roles: Roles) -> OpenIDPages:
    """Return the pages of the sign-on, with all that is behind them.

    Raises:
        OSError: the client's secret cannot be read.
    """
    skew, seconds = settings.openid_clock_skew_seconds, settings.openid_max_age_seconds
    provider = Provider(
        ProviderSettings(
            issuer=settings.openid_issuer,
            client_id=settings.openid_client_id,
            client_secret=settings.read_client_secret(),
            scopes=settings.openid_scopes,
            redirect_uri=parts.public_url + CALLBACK,
            ca_file=settings.openid_ca_file,
            skew_seconds=skew,
        )
    )
    sign_ons = SignOns(seconds, time.monotonic)
    identifier = OpenIDIdentifier(sign_ons, roles, BrowserCookie(parts.signer, parts.site), parts.site, seconds)
    claims = ClaimNames(
        user=settings.openid_user_claim,
        name=settings.openid_name_claim,
        groups=settings.openid_groups_claim,
        reserved=settings.reserved,
        fold_case=settings.fold_case,
    )
    return OpenIDPages(
        public_url=parts.public_url,
        identifier=identifier,
        provider=provider,
        flows=Flows(parts.signer, parts.site),
        sign_ons=sign_ons,
        claims=claims,
        logout_tokens=LogoutTokens(provider, skew),
        renderer=parts.renderer,
        common=SignOnPages(
            identifier, parts.guard, PersonTokens(parts.guacamole, parts.departures), parts.renderer, ""
        ),
    )
