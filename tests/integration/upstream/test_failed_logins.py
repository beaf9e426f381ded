"""A login that fails after the upstream has issued tokens leaves no valid tokens there."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from integration.harness.deployment import wait_until
from integration.upstream.redirect_client import Client, query_of, redirect_client
from support.openid_provider import encode
from support.scripted_upstream import Reply, Then, answer

pytestmark = pytest.mark.databases("sqlite")

FORGED = encode(b'{"alg":"RS256","kid":"k1"}') + ".e30.AAAA"

FAILURES: dict[str, dict[str, Any]] = {
    "issuer": {"claims": {"iss": "https://evil.example"}},
    "audience": {"claims": {"aud": "another"}},
    "expired": {"claims": {"exp": 1}},
    "nonce": {"claims": {"nonce": "another"}},
    "at_hash": {"claims": {"at_hash": "AAAA"}},
    "no subject": {"claims": {"sub": ...}},
    "unusable subject": {"claims": {"sub": "ada\n"}},
    "algorithm": {"header": {"alg": "none"}},
    "unknown key": {"header": {"kid": "k9"}},
    "signature": {"token_answer": {"id_token": FORGED}},
    "no JWT": {"token_answer": {"id_token": "abc"}},
    "missing": {"token_answer": {"id_token": None}},
    "token type": {"token_answer": {"token_type": "DPoP"}},
    "lifetime": {"token_answer": {"expires_in": "soon"}},
    "userinfo of another": {"userinfo": answer(200, {"sub": "user-2"})},
    "userinfo fails": {"userinfo": answer(500, "no")},
    "userinfo closes": {"userinfo": Reply(then=Then.CLOSE)},
    "userinfo hangs": {"userinfo": Reply(then=Then.HANG)},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    changes = {"userinfo": True, "timeout_seconds": 1}
    with redirect_client(tmp_path_factory.mktemp("failed"), changes, registration="open") as client:
        yield client


@pytest.fixture
def client(running: Client) -> Client:
    running.api.wipe()
    provider = running.provider
    provider.claims, provider.header, provider.token_answer = {}, {}, None
    provider.userinfo, provider.revocation = answer(200, {"sub": "user-1"}), answer(200)
    provider.upstream.received.clear()
    return running


def spoil(client: Client, case: str) -> None:
    for name, value in FAILURES[case].items():
        setattr(client.provider, name, value)


@pytest.mark.parametrize("case", FAILURES)
def test_its_tokens_are_revoked(client: Client, case: str) -> None:
    spoil(client, case)
    assert "error" in query_of(client.browse())
    assert client.revoked() == ["refresh-1"]


def test_an_access_token_alone_is_revoked(client: Client) -> None:
    client.provider.claims = {"aud": "another"}
    client.provider.token_answer = {"refresh_token": None}
    assert query_of(client.browse())["error"] == "access_denied"
    assert client.revoked() == ["access-1"]


def test_a_code_that_brought_no_tokens_revokes_nothing(client: Client) -> None:
    client.provider.token_answer = answer(400, {"error": "invalid_grant"})
    assert query_of(client.browse())["error"] == "access_denied"
    assert client.revoked() == []


@pytest.mark.parametrize("case", ["expired", "userinfo fails"])
def test_a_live_session_there_keeps_its_tokens(client: Client, case: str) -> None:
    """Some upstreams end every token of a user with one."""
    assert client.redeem(client.code()).status_code == 200
    spoil(client, case)
    assert "error" in query_of(client.browse())
    assert client.revoked() == []


def test_a_failed_revocation_changes_no_answer(client: Client) -> None:
    client.provider.claims, client.provider.revocation = {"aud": "another"}, answer(500, "no")
    with capture_logs() as lines:
        assert query_of(client.browse())["error"] == "access_denied"
        wait_until(lambda: bool(client.revocation_requests()), "tried")
        wait_until(lambda: any(line["event"] == "upstream.revocation_failed" for line in lines), "logged")
    assert [line["provider"] for line in lines if line["event"] == "upstream.revocation_failed"] == ["kc"]
