"""A small OpenID provider on a loopback port, which lets everybody in as the person that a test names."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from http_servers import Silent, answering, loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT, SECRET = "blender", "secret-of-the-client"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Provider:
    """What the provider says, which a test may change, and what it was asked."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    """The claims of whoever signs in next."""
    skew: float = 0.0
    """Seconds by which its clock is ahead of ours."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Claims that its ID tokens have in place of the right ones; None takes one out."""
    algorithm: str = "ES256"
    answer: dict[str, str] = field(default_factory=dict)
    """Parameters that come back to the browser in place of the right ones."""
    userinfo: dict[str, Any] | None = None
    """What it says at its UserInfo endpoint; None: the person."""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first", "use": "sig"}))
    signs_userinfo: bool = False
    """Whether its UserInfo is a signed token, as some providers have it."""
    gives_access: bool = True
    """Whether an access token comes with the ID token."""
    moved: set[str] = field(default_factory=set)
    """Paths that lead elsewhere."""
    asked: list[str] = field(default_factory=list)
    down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def renew_key(self) -> None:
        """Sign with another key from now on, and show only that one."""
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig"})

    def id_token(self, nonce: str, **more: Any) -> str:  # noqa: ANN401 - a claim
        """Return a token about the person."""
        now = int(time.time() + self.skew)
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.person, **more}
        return self.sign({key: value for key, value in (claims | self.changes).items() if value is not None})

    def logout_token(self, **changes: Any) -> str:  # noqa: ANN401 - a claim
        """Return a token that says that somebody signed out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8)}
        claims |= {"events": {LOGOUT_EVENT: {}}} | changes
        return self.sign({key: value for key, value in claims.items() if value is not None}, "logout+jwt")

    def sign(self, claims: dict[str, Any], kind: str = "JWT") -> str:
        """Return a signed token."""
        if self.algorithm == "none":
            parts = ({"alg": "none", "typ": kind}, claims)
            return ".".join(_base64(json.dumps(part).encode()) for part in parts) + "."
        header = {"alg": self.algorithm, "typ": kind, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key)

    def metadata(self) -> dict[str, Any]:
        """Return what the provider says about itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "userinfo_endpoint": self.url + "/userinfo",
            "jwks_uri": self.url + "/keys",
            "end_session_endpoint": self.url + "/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser goes with its code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.url} | self.answer
        return f"{query['redirect_uri']}?{urlencode({key: value for key, value in back.items() if value})}"

    def redeem(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Return the tokens for a code; None if the code, the client or the proof is wrong."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote(name), unquote(secret)) != (CLIENT, SECRET):
            return None
        if "code_challenge" in asked:
            proof = _base64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            if asked["code_challenge_method"] != "S256" or proof != asked["code_challenge"]:
                return None
        access_token = secrets.token_urlsafe(16)
        self.tokens[access_token] = self.person
        id_token = self.id_token(asked.get("nonce", ""))
        access = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}
        return {"id_token": id_token} | (access if self.gives_access else {})


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class _Handler(Silent, BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        provider = self.provider
        provider.asked.append(parts.path)
        if provider.down:
            self.send_error(503)
        elif parts.path in provider.moved:
            self._redirect(f"{provider.url}/elsewhere{parts.path}")
        elif parts.path == "/userinfo" and provider.signs_userinfo:
            self._send(provider.sign(provider.person).encode(), "application/jwt")
        elif parts.path == "/.well-known/openid-configuration":
            self._json(provider.metadata())
        elif parts.path == "/keys":
            self._json({"keys": [provider.key.as_dict(private=False)]})
        elif parts.path == "/userinfo":
            person = provider.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            self._json(person if provider.userinfo is None else provider.userinfo, 200 if person else 401)
        elif parts.path == "/authorize":
            self._redirect(provider.authorize(query))
        elif parts.path == "/end":
            self._redirect(query["post_logout_redirect_uri"])
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = {key: values[0] for key, values in parse_qs(body).items()}
        tokens = self.provider.redeem(form, self.headers.get("Authorization", ""))
        self._json(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)

    def _json(self, body: object, status: int = 200) -> None:
        self._send(json.dumps(body).encode(), "application/json", status)

    def _send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider while the block runs."""
    provider = Provider()
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = loopback(handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    with answering(server):
        yield provider
