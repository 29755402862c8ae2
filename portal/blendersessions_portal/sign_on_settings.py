"""How people sign in, read from environment variables that start with `BLENDERSESSIONS_PORTAL_SIGN_ON_`."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FilePath, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from pathlib import Path

PREFIX: Final = "BLENDERSESSIONS_PORTAL_SIGN_ON_"
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
"""nginx drops a header with an underscore in its name, without a word."""
OWN_HEADERS: Final = frozenset(
    [
        "host",
        "connection",
        "upgrade",
        "cookie",
        "content-length",
        "guacamole-token",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-guacamole-query",
        "x-sign-on-key",
        "x-sign-on-peer",
        "authorization",
        "x-forwarded-access-token",
        "x-auth-request-access-token",
        "x-auth-token",
        "user-agent",
        "accept",
        "accept-encoding",
        "accept-language",
        "origin",
        "referer",
        "forwarded",
        "x-requested-with",
        "x-csrf-token",
        "range",
    ]
)
"""Headers that browsers or the chart's own proxy write, whatever the proxy before it says of people, and secrets."""
_ISSUER: Final = re.compile(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/[^\s?#]*)?")
"""Whoever can change what the provider says by http on the way can be anybody. On this machine nobody is on the way."""
_MINIMUM_KEY_BYTES: Final = 32


class SignOnMode(StrEnum):
    """Where the portal learns who a person is."""

    GUESTS = "Guests"
    HEADER = "Header"
    OPENID = "OpenIDConnect"


def _header(value: str) -> str:
    if value and not _HEADER.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name of a header that the chart's proxy lets through: write one of letters, digits and"
            " hyphens, like X-Forwarded-User"
        )
    if value.lower() in OWN_HEADERS:
        raise ValueError(
            f"{value!r} is written by browsers or by the chart's own proxy, so it says nothing of people: have your"
            " proxy use another one, like X-Forwarded-User"
        )
    return value


def _network(value: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no network: write an address or a CIDR, such as 10.42.0.0/16") from error


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(_network(part) for part in value.replace(",", " ").split())


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
HeaderName = Annotated[str, AfterValidator(_header)]


class GroupClasses(BaseModel):
    """The classes that a group may choose from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(min_length=1)
    classes: tuple[str, ...] = Field(min_length=1)


class SignOnSettings(BaseSettings):
    """How people sign in. `docs/interfaces.md` has the same table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    mode: SignOnMode = Field(default=SignOnMode.GUESTS, description="Where the portal learns who a person is.")
    trusted_proxies: Networks = Field(
        default=(), description="Networks of the proxies whose headers count, separated by commas."
    )
    proxy_key_file: FilePath | None = Field(
        default=None, description="File with the key by which the chart's own proxy proves itself."
    )
    user_header: HeaderName = Field(default="X-Forwarded-User", min_length=1, description="Holds the person's name.")
    name_header: HeaderName = Field(default="", description="Holds what the person is called.")
    groups_header: HeaderName = Field(default="X-Forwarded-Groups", description="Holds the person's groups.")
    groups_separator: str = Field(default=",", min_length=1, max_length=1, description="Stands between two groups.")
    sign_out_url: str = Field(default="", description="Where the proxy signs people out; empty: no button for it.")
    fold_case: bool = Field(default=False, description="Whether the sign-on takes Alice and alice for one person.")
    administrator: str = Field(default="guacadmin", min_length=1, description="Guacamole's administrator.")
    reserved_names: tuple[str, ...] = Field(
        default=(), description="Other users of Guacamole's that nobody becomes by a name, as a JSON list."
    )
    admin_groups: tuple[str, ...] = Field(default=(), description="Groups of administrators, as a JSON list.")
    classes: tuple[GroupClasses, ...] = Field(
        default=(), description="Classes to choose from for each group, as a JSON list; the group * has everybody."
    )

    openid_issuer: str = Field(default="", description="The OpenID provider, exactly as its tokens name it.")
    openid_client_id: str = Field(default="", description="What the provider calls the portal.")
    openid_client_secret_file: FilePath | None = Field(default=None, description="File with the client's secret.")
    openid_ca_file: FilePath | None = Field(default=None, description="A private CA for the provider.")
    openid_scopes: str = Field(default="openid profile email", description="Scopes, with `openid` among them.")
    openid_user_claim: str = Field(default="sub", min_length=1, description="Holds the person's name.")
    openid_name_claim: str = Field(default="name", description="Holds what the person is called.")
    openid_groups_claim: str = Field(default="groups", description="Holds the person's groups.")
    openid_max_age_seconds: int = Field(default=12 * 3600, ge=60, le=30 * 24 * 3600, description="A sign-on's time.")
    openid_clock_skew_seconds: int = Field(default=60, ge=0, le=600, description="How wrong the clocks may be.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode is SignOnMode.HEADER and not self.trusted_proxies:
            raise ValueError(
                f"{PREFIX}TRUSTED_PROXIES is needed with {PREFIX}MODE=Header: without a trusted proxy nobody could sign"
                " in. Write the networks from which your authenticating proxy connects, such as 10.42.0.0/16"
            )
        if self.mode is SignOnMode.OPENID:
            self._check_provider()
        if self.sign_out_url and not re.match(r"https?://|/(?![/\\])", self.sign_out_url):
            raise ValueError(f"{PREFIX}SIGN_OUT_URL is no address: write https://…, or a path such as /oauth2/sign_out")
        return self

    def _check_provider(self) -> None:
        if not self.openid_client_id:
            raise ValueError(f"{PREFIX}OPENID_CLIENT_ID is needed: what the provider calls this portal")
        if not _ISSUER.fullmatch(self.openid_issuer):
            raise ValueError(
                f"{PREFIX}OPENID_ISSUER is {self.openid_issuer!r}: write https:// and the provider's address, exactly"
                " as its tokens have it in iss"
            )
        if "openid" not in self.openid_scopes.split():
            raise ValueError(f"{PREFIX}OPENID_SCOPES needs openid among them, as in: openid profile email")

    @property
    def signs_on(self) -> bool:
        """Whether people sign in, so that there are no guests."""
        return self.mode is not SignOnMode.GUESTS

    @property
    def reserved(self) -> frozenset[str]:
        """Users of Guacamole's that nobody becomes by a name, in small letters."""
        return frozenset(name.lower() for name in (self.administrator, *self.reserved_names))

    def read_proxy_key(self) -> bytes:
        """Read the key by which the chart's own proxy proves itself; empty without a file.

        Raises:
            ValueError: the file holds fewer than 32 bytes, which could be guessed.
        """
        return _read_key(self.proxy_key_file)

    def read_client_secret(self) -> str:
        """Read the secret that the provider gave the portal; empty without a file."""
        file = self.openid_client_secret_file
        return file.read_text(encoding="utf-8").strip() if file else ""


GUESTS: Final = SignOnSettings.model_construct(mode=SignOnMode.GUESTS)
"""Nobody signs in."""


def _read_key(file: Path | None) -> bytes:
    if file is None:
        return b""
    key = file.read_bytes().strip()
    if len(key) < _MINIMUM_KEY_BYTES:
        raise ValueError(f"{file} holds {len(key)} bytes: write at least {_MINIMUM_KEY_BYTES} random ones")
    return key
