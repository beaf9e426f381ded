"""What the rest adapter sends: our values under the upstream's names, in the body that it wants."""

import json
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import pytest

from doorward_auth.upstream_adapters.base import (
    FailedError,
    Image,
    MalformedAnswerError,
    MisconfiguredError,
    UpstreamRegistration,
    UpstreamTokens,
)
from support.scripted_upstream import Received, ScriptedUpstream, answer
from unit.auth.upstream.adapters import LOGIN, REST, rest_adapter

HOSTILE = 'a"; filename="x\r\n\r\n--boundary & <ä €> %22'
PICTURE = Image(b"\x89PNG\r\n\x1a\n\0--", "image/png", "avatar.png")
ADA = UpstreamRegistration("ada@example.com", HOSTILE, "Ada Löwe", image=PICTURE)
REVOKE: Final = {"path": "/out", "body": "json", "fields": {"token": "refresh_token"}}


def parts_of(request: Received) -> dict[str, Message]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    payload = message_from_bytes(head + request.body).get_payload()
    assert isinstance(payload, list)
    found: dict[str, Message] = {}
    for part in payload:
        assert isinstance(part, Message)
        found[str(part.get_param("name", header="content-disposition"))] = part
    return found


async def test_a_registration_is_multipart_with_the_picture(upstream: ScriptedUpstream) -> None:
    upstream.will(answer(201, LOGIN))
    login = await rest_adapter(upstream).register(ADA)
    assert (login.user.subject, login.user.claims) == ("7", {"plan": "free"})
    (request,) = upstream.received
    assert (request.method, request.target) == ("POST", "/api/register")
    parts = parts_of(request)
    texts = {name: part.get_payload(decode=True) for name, part in parts.items()}
    assert texts == {
        "username": b"ada@example.com",
        "email": b"ada@example.com",
        "password": HOSTILE.encode(),
        "name": "Ada Löwe".encode(),
        "image": PICTURE.data,
    }
    assert parts["image"].get_filename() == "avatar.png"
    assert parts["image"].get_content_type() == "image/png"
    assert all(parts[name].get_filename() is None for name in ("email", "name"))


async def test_a_registration_without_a_picture_is_multipart_all_the_same(upstream: ScriptedUpstream) -> None:
    upstream.will(answer(201, LOGIN))
    await rest_adapter(upstream).register(UpstreamRegistration("a@example.com", "a password", "Ada"))
    assert set(parts_of(upstream.received[0])) == {"username", "email", "password", "name"}


async def test_a_picture_is_not_sent_without_a_field_for_it(upstream: ScriptedUpstream) -> None:
    register = {**REST["register"], "image_field": None}
    upstream.will(answer(201, LOGIN))
    await rest_adapter(upstream, register=register).register(ADA)
    assert PICTURE.data not in upstream.received[0].body


@pytest.mark.parametrize("kind", ["json", "form"])
async def test_a_body_is_json_or_a_form(upstream: ScriptedUpstream, kind: str) -> None:
    login = {**REST["login"], "body": kind, "constants": {"grant": "password"}}
    upstream.will(answer(200, LOGIN))
    await rest_adapter(upstream, login=login).log_in("ada@example.com", HOSTILE)
    (request,) = upstream.received
    expected = {"grant": "password", "username": "ada@example.com", "password": HOSTILE}
    if kind == "json":
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.body) == expected
    else:
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert {name: one for name, (one,) in parse_qs(request.body.decode()).items()} == expected


async def test_users_may_log_in_by_user_name(upstream: ScriptedUpstream) -> None:
    upstream.otherwise = answer(200, LOGIN)
    rest = rest_adapter(
        upstream,
        login_by="username",
        login={**REST["login"], "fields": {"user": "username", "pass": "password"}},
        register={**REST["register"], "fields": {"u": "username", "e": "email", "p": "password"}},
    )
    await rest.log_in("ada", "a password")
    assert json.loads(upstream.received[0].body) == {"user": "ada", "pass": "a password"}
    await rest.register(UpstreamRegistration("ada@example.com", "a password", "Ada", username="ada"))
    assert parts_of(upstream.received[1])["u"].get_payload() == "ada"


async def test_an_api_key_is_in_every_request(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k3y\n", encoding="utf-8")
    upstream.otherwise = answer(200, LOGIN)
    rest = rest_adapter(upstream, api_key_header="X-Api-Key", api_key_file=str(file))
    await rest.log_in("ada@example.com", "a password")
    await rest.refresh("refresh-1")
    assert [request.headers["x-api-key"] for request in upstream.received] == ["k3y", "k3y"]


@pytest.mark.parametrize(
    ("status", "bearer"), [(200, True), (204, True), (400, True), (404, True), (410, False), (401, False)]
)
async def test_what_is_revoked_or_dead_is_revoked(
    upstream: ScriptedUpstream, *, status: int, bearer: bool
) -> None:
    upstream.will(answer(status))
    adapter = rest_adapter(upstream, revoke={**REVOKE, "bearer": bearer})
    await adapter.revoke(UpstreamTokens("access-1", "refresh-1"))
    (request,) = upstream.received
    assert json.loads(request.body) == {"token": "refresh-1"}
    assert request.headers.get("authorization") == ("Bearer access-1" if bearer else None)


async def test_a_401_may_be_about_the_bearer_token(upstream: ScriptedUpstream) -> None:
    """The access token expires first, and the refresh token may be valid."""
    upstream.will(answer(401))
    with pytest.raises(FailedError) as caught:
        await rest_adapter(upstream, revoke={**REVOKE, "bearer": True}).revoke(UpstreamTokens("a", "r"))
    assert caught.value.status == 401


async def test_a_401_may_be_about_the_api_key(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k3y", encoding="utf-8")
    upstream.will(answer(401))
    adapter = rest_adapter(upstream, revoke=REVOKE, api_key_header="X-Api-Key", api_key_file=str(file))
    with pytest.raises(MisconfiguredError):
        await adapter.revoke(UpstreamTokens("a", "r"))


async def test_a_bearer_token_that_is_not_known_is_not_sent(upstream: ScriptedUpstream) -> None:
    upstream.will(answer(200))
    await rest_adapter(upstream, revoke={**REVOKE, "bearer": True}).revoke(UpstreamTokens("", "refresh-1"))
    assert "authorization" not in upstream.received[0].headers


async def test_where_nothing_can_be_revoked_nothing_is_sent(upstream: ScriptedUpstream) -> None:
    await rest_adapter(upstream).revoke(UpstreamTokens("access-1", "refresh-1"))
    assert upstream.received == []


async def test_a_refresh_may_have_an_answer_of_another_shape(upstream: ScriptedUpstream) -> None:
    refresh = {**REST["refresh"], "answer": {"access_token": "/data/a", "refresh_token": "/data/r"}}
    upstream.will(answer(200, {"data": {"a": "access-2", "r": "refresh-2"}}))
    tokens = await rest_adapter(upstream, refresh=refresh).refresh("refresh-1")
    assert (tokens.access_token, tokens.refresh_token) == ("access-2", "refresh-2")
    assert parse_qs(upstream.received[0].body.decode()) == {"refresh": ["refresh-1"]}


@pytest.mark.parametrize(
    "bad",
    [{"expires_in": "soon"}, {"expires_in": -1}, {"refresh_expires_in": []}, {"expires_in": 0}, {"user": 5}],
)
async def test_a_refresh_keeps_the_new_tokens_whatever_else_is_wrong(
    upstream: ScriptedUpstream, bad: dict[str, Any]
) -> None:
    upstream.will(answer(200, {"access": "access-2", "refresh": "refresh-2", **bad}))
    tokens = await rest_adapter(upstream).refresh("refresh-1")
    assert (tokens.access_token, tokens.refresh_token) == ("access-2", "refresh-2")
    assert tokens.expires_in is None


@pytest.mark.parametrize(
    "bad", [{}, {"access": None}, {"access": 5}, {"access": ""}, {"access": "x" * 20_000}]
)
async def test_a_refresh_keeps_a_new_refresh_token_without_an_access_token(
    upstream: ScriptedUpstream, bad: dict[str, Any]
) -> None:
    upstream.will(answer(200, {"refresh": "refresh-2", "expires_in": 60, **bad}))
    tokens = await rest_adapter(upstream).refresh("refresh-1")
    assert (tokens.access_token, tokens.refresh_token) == ("", "refresh-2")


async def test_a_refresh_without_any_token_is_malformed(upstream: ScriptedUpstream) -> None:
    upstream.will(answer(200, {"expires_in": 60}))
    with pytest.raises(MalformedAnswerError):
        await rest_adapter(upstream).refresh("refresh-1")


async def test_a_login_without_an_access_token_is_malformed(upstream: ScriptedUpstream) -> None:
    upstream.will(answer(200, {"refresh": "refresh-2", "user": {"id": 7}}))
    with pytest.raises(MalformedAnswerError):
        await rest_adapter(upstream).log_in("ada@example.com", "secret")
