"""What a provider says about itself, and by which signatures."""

from __future__ import annotations

import pytest
from joserfc.jwk import KeySet

from blendersessions_portal.openid.metadata import MetadataError, checked_metadata
from blendersessions_portal.openid.tokens import RefusedError, TokenRules, signed_claims
from openid_provider import CLIENT, Provider

METADATA = Provider(url="https://id.test").metadata()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token_endpoint": "http://id.test/token"}, "no https in its token_endpoint"),
        ({"jwks_uri": "http://id.test/keys"}, "no https in its jwks_uri"),
        ({"userinfo_endpoint": "http://id.test/userinfo"}, "no https in its userinfo_endpoint"),
        ({"authorization_endpoint": "ftp://id.test/"}, "no https in its authorization_endpoint"),
        ({"end_session_endpoint": "javascript:alert(1)"}, "no https in its end_session_endpoint"),
        ({"token_endpoint": None}, "does not say its token_endpoint"),
        ({"issuer": "https://other.test"}, "calls itself 'https://other.test'"),
    ],
)
def test_a_provider_with_https_has_it_everywhere(changes: dict[str, object], words: str) -> None:
    with pytest.raises(MetadataError) as refused:
        checked_metadata(METADATA | changes, "https://id.test")
    assert words in str(refused.value)


def test_a_provider_on_this_machine_needs_no_https() -> None:
    for url in ("https://id.test", "http://127.0.0.1:5556"):
        assert checked_metadata(Provider(url=url).metadata() | {"end_session_endpoint": 7}, url)["jwks_uri"]


def test_only_signatures_that_the_provider_alone_can_make_count() -> None:
    provider = Provider(url="https://id.test", person={"sub": "alice-1"})
    rules = TokenRules(provider.url, CLIENT, 60, nonce="a")
    keys = KeySet.import_key_set({"keys": [provider.key.as_dict(private=False)]})
    token = provider.id_token("a")
    assert signed_claims(token, keys, ["ES256"], rules)["sub"] == "alice-1"
    for algorithms in (["HS256"], ["none"], ["HS256", "HS512"]):
        with pytest.raises(RefusedError, match="no algorithm that proves anything"):
            signed_claims(token, keys, algorithms, rules)
