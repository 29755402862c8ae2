"""The OpenID provider: where it is, its keys, and what it says about people.

OpenID Connect Core 1.0, section 3.1 (authorisation code flow), with PKCE (RFC 7636); Discovery 1.0; RP-Initiated Logout
1.0.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from blendersessions.model.errors import System, Unavailable
from blendersessions_portal.openid.identity import merged_claims
from blendersessions_portal.openid.metadata import MetadataError, checked_metadata
from blendersessions_portal.openid.tokens import RefusedError, TokenRules, check_form, signed_claims

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

_LIMITS: Final[Mapping[str, Any]] = {"timeout": (5, 15), "allow_redirects": False}
"""Seconds to connect, and for each answer. A redirect could lead to http, where anybody on the way answers."""
_MAX_REQUESTS_IN_FLIGHT: Final = 4
"""Threads of their own: a provider that does not answer must not hold up what else the portal does in threads."""
_DISCOVERY_SECONDS: Final = 3600.0
_KEYS_PAUSE_SECONDS: Final = 10.0
"""Between two requests for the keys: a token with an unknown key must not make the portal ask again and again."""
_FAILURE_PAUSE_SECONDS = 5.0
"""After an answer that did not come: nobody else waits for the same one, whoever makes the portal ask."""
_MAX_IN_HAND: Final = 50
"""Questions that are asked or wait for a thread. Beyond them the provider counts as one that does not answer."""
_Answer = TypeVar("_Answer")
_Read = TypeVar("_Read")
_NO_ANSWER: Final = "The sign-on does not answer. Try again in a moment. If it stays, tell your administrator."


class _UnreadableError(Unavailable):
    """The provider answers, but not with an object of JSON."""


@dataclass(frozen=True)
class ProviderSettings:
    """What is known of the provider before it is asked.

    Attributes:
        issuer: its address, exactly as its tokens have it.
        client_secret: empty for a client that proves itself by PKCE alone.
        scopes: with `openid` among them.
        redirect_uri: where it sends people back to.
        ca_file: the certificate authority to trust in place of the public ones.
        skew_seconds: how far its clock may be from ours.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    redirect_uri: str
    ca_file: Path | None
    skew_seconds: int


@dataclass(frozen=True)
class Grant:
    """What the provider gave for a code."""

    claims: dict[str, Any] = field(repr=False)
    id_token: str = field(repr=False)


class Provider:
    """Asks one provider. Its answers are kept: where things are for an hour, keys until a token has another one.

    Args:
        settings: what is known of it.
        clock: a monotonic clock in seconds.
    """

    def __init__(self, settings: ProviderSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._metadata: dict[str, Any] = {}
        self._metadata_until = 0.0
        self._keys: KeySet | None = None
        self._keys_asked_at = float("-inf")
        self._keys_lock, self._metadata_lock = asyncio.Lock(), asyncio.Lock()
        self._paused_until: dict[str, float] = {}
        self._in_hand = 0
        self._pool = ThreadPoolExecutor(max_workers=_MAX_REQUESTS_IN_FLIGHT, thread_name_prefix="openid")

    @property
    def issuer(self) -> str:
        """Its address."""
        return self._settings.issuer

    async def authorisation(self, state: str, nonce: str, verifier: str) -> str:
        """Return where a person signs in.

        Raises:
            Unavailable: the provider does not answer.
        """
        metadata = await self._discovered()
        with await self._session() as session:
            url, _state = session.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def exchange(self, code: str, nonce: str, verifier: str) -> Grant:
        """Return what a code is worth: a person's claims.

        Raises:
            RefusedError: the provider refuses the code, or its token is not for us, not for this sign-in, or too old.
            Unavailable: the provider does not answer.
        """
        metadata = await self._discovered()
        with await self._session() as session:
            token = await self._fetch_token(session, metadata["token_endpoint"], code, verifier)
            id_token = str(token.get("id_token") or "")
            given, access_token = self._settings, str(token.get("access_token") or "")
            rules = TokenRules(given.issuer, given.client_id, given.skew_seconds, nonce, access_token)
            claims = await self._claims(id_token, rules)
            return Grant(await self._completed(session, metadata, claims), id_token)

    async def _claims(self, token: str, rules: TokenRules) -> dict[str, Any]:
        check_form(token)
        metadata = await self._discovered()
        algorithms = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        keys = await self._provider_keys(renew=False)
        try:
            return signed_claims(token, keys, algorithms, rules)
        except RefusedError as error:
            if not error.by_key:
                raise
        # The provider may have changed its keys since.
        return signed_claims(token, await self._provider_keys(renew=True), algorithms, rules)

    async def logout_claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that says that somebody signed out.

        Raises:
            RefusedError: the token breaks a rule, or the signature is not the provider's.
            Unavailable: the provider does not answer.
        """
        given = self._settings
        return await self._claims(token, TokenRules(given.issuer, given.client_id, given.skew_seconds, logout=True))

    async def sign_out(self, id_token: str, back: str) -> str:
        """Return where a person signs out; `back` if the provider has no such place, or does not answer."""
        try:
            place = (await self._discovered()).get("end_session_endpoint")
        except Unavailable as error:
            logger.warning("%s", error)
            place = None
        if not place:
            return back
        given = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        if id_token:
            given = {"id_token_hint": id_token} | given
        return f"{place}{'&' if '?' in place else '?'}{urlencode(given)}"

    async def _fetch_token(self, session: OAuth2Session, place: str, code: str, verifier: str) -> dict[str, Any]:
        try:
            token = await self._run(session.fetch_token, place, code=code, code_verifier=verifier, **_LIMITS)
        except requests.RequestException as error:
            raise Unavailable(_NO_ANSWER, System.OWN) from error
        except (AuthlibBaseError, ValueError) as error:
            # Its words may hold what the browser sent, so they go to the log without line breaks, and to no page.
            logger.warning("The provider refused a code: %r", str(error)[:200])
            raise RefusedError("The provider refused the code.") from error
        return dict(token)

    async def _completed(
        self, session: OAuth2Session, metadata: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the claims, with those that the provider gives at its UserInfo endpoint alone."""
        place = metadata.get("userinfo_endpoint")
        if not place or not session.token.get("access_token"):
            return claims
        try:
            answer = await self._get(place, session)
        except _UnreadableError:
            # Some providers sign it (section 5.3.2). What the ID token says is enough for most.
            return claims
        if answer.get("sub") != claims["sub"]:
            # Core 1.0, section 5.3.2: such an answer must not be used.
            raise RefusedError("The provider's UserInfo is about somebody else.")
        return merged_claims(answer, claims)

    async def _discovered(self) -> dict[str, Any]:
        if self._clock() < self._metadata_until:
            return self._metadata
        async with self._metadata_lock:
            if self._clock() >= self._metadata_until:
                place = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                self._metadata = await self._fetched(place, self._read_metadata)
                self._metadata_until = self._clock() + _DISCOVERY_SECONDS
            return self._metadata

    def _read_metadata(self, found: dict[str, Any]) -> dict[str, Any]:
        try:
            return checked_metadata(found, self._settings.issuer)
        except MetadataError as error:
            logger.error("%s", error)  # noqa: TRY400 - the message says all
            raise Unavailable(_NO_ANSWER, System.OWN) from error

    async def _provider_keys(self, *, renew: bool) -> KeySet:
        if self._keys is not None and not renew:
            return self._keys
        async with self._keys_lock:
            recent = self._clock() - self._keys_asked_at < _KEYS_PAUSE_SECONDS
            if self._keys is not None and (not renew or recent):
                return self._keys
            metadata = await self._discovered()
            self._keys = await self._fetched(metadata["jwks_uri"], _read_keys)
            self._keys_asked_at = self._clock()
            return self._keys

    async def _fetched(self, place: str, read: Callable[[dict[str, Any]], _Read]) -> _Read:
        """Return what is read at a place, unless that failed a moment ago."""
        if self._clock() < self._paused_until.get(place, float("-inf")):
            raise Unavailable(_NO_ANSWER, System.OWN)
        try:
            found = read(await self._get(place))
        except Unavailable:
            self._paused_until[place] = self._clock() + _FAILURE_PAUSE_SECONDS
            raise
        self._paused_until.pop(place, None)
        return found

    async def _session(self) -> OAuth2Session:
        given = self._settings
        metadata = await self._discovered()
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "none"
        if given.client_secret:
            method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        session = OAuth2Session(
            given.client_id,
            given.client_secret or None,
            token_endpoint_auth_method=method,
            scope=given.scopes,
            redirect_uri=given.redirect_uri,
            code_challenge_method="S256",
        )
        session.verify = str(given.ca_file) if given.ca_file else True
        return session

    async def _get(self, place: str, session: requests.Session | None = None) -> dict[str, Any]:
        verify = str(self._settings.ca_file) if self._settings.ca_file else True
        get = session.get if session is not None else requests.get
        try:
            answer = await self._run(get, place, verify=verify, **_LIMITS)
            answer.raise_for_status()
        except (requests.RequestException, AuthlibBaseError) as error:
            logger.warning("The provider does not answer at %s: %s", place, type(error).__name__)
            raise Unavailable(_NO_ANSWER, System.OWN) from error
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            logger.warning("The provider leads elsewhere at %s, which is not followed.", place)
            raise Unavailable(_NO_ANSWER, System.OWN)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            logger.warning("The provider's answer at %s is no JSON object.", place)
            raise _UnreadableError(_NO_ANSWER, System.OWN)
        return found

    async def _run(self, call: Callable[..., _Answer], *given: object, **named: object) -> _Answer:
        if self._in_hand >= _MAX_IN_HAND:
            logger.warning("The provider is asked %d things already. Another question has to wait.", self._in_hand)
            raise Unavailable(_NO_ANSWER, System.OWN)
        self._in_hand += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *given, **named))
        finally:
            self._in_hand -= 1


def _read_keys(found: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": [key for key in found["keys"] if key.get("use") != "enc"]})
    except (JoseError, KeyError, TypeError, AttributeError, ValueError) as error:
        logger.exception("The keys of the provider cannot be read.")
        raise Unavailable(_NO_ANSWER, System.OWN) from error
