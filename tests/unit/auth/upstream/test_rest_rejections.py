"""What the rejections of a rest upstream mean."""

from pathlib import Path
from typing import Any

import pytest

from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    FailedError,
    InvalidGrantError,
    MisconfiguredError,
    ThrottledError,
    UpstreamError,
    UpstreamRegistration,
    ValuesRejectedError,
    WrongPasswordError,
)
from doorward_auth.upstream_adapters.rest import RestAdapter
from support.scripted_upstream import ScriptedUpstream, answer
from unit.auth.upstream.adapters import rest_adapter

ADA = UpstreamRegistration("ada@example.com", "a password", "Ada")


async def of_registration(rest: RestAdapter) -> UpstreamError:
    with pytest.raises(UpstreamError) as rejected:
        await rest.register(ADA)
    return rejected.value


async def of_login(rest: RestAdapter) -> UpstreamError:
    with pytest.raises(UpstreamError) as rejected:
        await rest.log_in("ada@example.com", "a password")
    return rejected.value


async def of_refresh(rest: RestAdapter) -> UpstreamError:
    with pytest.raises(UpstreamError) as rejected:
        await rest.refresh("refresh-1")
    return rejected.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (409, AlreadyTakenError),
        (400, ValuesRejectedError),
        (413, ValuesRejectedError),
        (415, ValuesRejectedError),
        (422, ValuesRejectedError),
        (401, MisconfiguredError),
        (403, MisconfiguredError),
        (404, FailedError),
        (429, ThrottledError),
        (500, FailedError),
    ],
)
async def test_a_registration(
    upstream: ScriptedUpstream, rest: RestAdapter, status: int, kind: type[UpstreamError]
) -> None:
    upstream.will(answer(status, {"email": ["no"]}))
    assert type(await of_registration(rest)) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"detail": "wrong"}, WrongPasswordError),
        (400, "<html>", WrongPasswordError),
        (400, {"error": "invalid_grant"}, WrongPasswordError),
        (401, {"error": "invalid_client"}, MisconfiguredError),
        (400, {"error": "invalid_client"}, MisconfiguredError),
        (422, {}, ValuesRejectedError),
        (403, {}, MisconfiguredError),
        (404, {}, FailedError),
        (429, {}, ThrottledError),
        (500, {"error": "invalid_grant"}, FailedError),
    ],
)
async def test_a_login(
    upstream: ScriptedUpstream, rest: RestAdapter, status: int, body: object, kind: type[UpstreamError]
) -> None:
    upstream.will(answer(status, body))
    assert type(await of_login(rest)) is kind


REFRESHES: list[tuple[int, object, type[UpstreamError]]] = [
    (401, {"detail": "Token is invalid or expired"}, InvalidGrantError),
    (401, "", InvalidGrantError),
    (401, "<html>", MisconfiguredError),
    (401, ["a list"], MisconfiguredError),
    (400, {"error": "invalid_grant"}, InvalidGrantError),
    (401, {"error": "invalid_client"}, MisconfiguredError),
    (400, {"error": "invalid_request"}, FailedError),
    (400, "<html>", FailedError),
    (403, {}, MisconfiguredError),
    (404, {}, FailedError),
    (422, {}, FailedError),
    (429, {"error": "invalid_grant"}, ThrottledError),
    (500, {"error": "invalid_grant"}, FailedError),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFRESHES)
async def test_a_refresh(
    upstream: ScriptedUpstream, rest: RestAdapter, status: int, body: object, kind: type[UpstreamError]
) -> None:
    upstream.will(answer(status, body))
    assert type(await of_refresh(rest)) is kind


async def test_with_an_api_key_a_bare_401_ends_no_grant(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k3y", encoding="utf-8")
    rest = rest_adapter(upstream, api_key_header="X-Api-Key", api_key_file=str(file))
    upstream.will(answer(401, {}), answer(401, {"error": "invalid_grant"}))
    assert type(await of_refresh(rest)) is MisconfiguredError
    assert type(await of_refresh(rest)) is InvalidGrantError


TAKEN: dict[str, Any] = {
    "taken": [
        {"status": 400, "pointer": "/email/0/code", "value": "unique", "member": "email"},
        {"status": 400, "pointer": "/username", "member": "username"},
        {"status": 200, "pointer": "/ok", "value": False},
    ]
}


@pytest.mark.parametrize(
    ("status", "body", "member"),
    [
        (400, {"email": [{"code": "unique"}]}, "email"),
        (400, {"username": None}, "username"),
        (200, {"ok": False}, None),
    ],
)
async def test_the_settings_say_what_taken_is(
    upstream: ScriptedUpstream, status: int, body: object, member: str | None
) -> None:
    upstream.will(answer(status, body))
    rejected = await of_registration(rest_adapter(upstream, errors=TAKEN))
    assert isinstance(rejected, AlreadyTakenError)
    assert rejected.member == member


@pytest.mark.parametrize(
    "body", [{"email": [{"code": "invalid"}]}, {"email": "unique"}, "unique", {"email": [{"code": 1}]}]
)
async def test_other_rejections_are_not_taken(upstream: ScriptedUpstream, body: object) -> None:
    upstream.will(answer(400, body))
    assert type(await of_registration(rest_adapter(upstream, errors=TAKEN))) is ValuesRejectedError


async def test_a_value_of_another_type_is_another_value(upstream: ScriptedUpstream) -> None:
    errors = {"wrong_password": [{"status": 400, "pointer": "/code", "value": 1}]}
    upstream.will(answer(400, {"code": True}), answer(400, {"code": 1}))
    rest = rest_adapter(upstream, errors=errors)
    assert type(await of_login(rest)) is ValuesRejectedError
    assert type(await of_login(rest)) is WrongPasswordError


async def test_the_settings_say_what_ends_a_grant(upstream: ScriptedUpstream) -> None:
    errors = {"invalid_grant": [{"status": 403, "pointer": "/code", "value": "dead"}]}
    rest = rest_adapter(upstream, errors=errors)
    upstream.will(answer(403, {"code": "dead"}), answer(401, {}))
    assert type(await of_refresh(rest)) is InvalidGrantError
    assert type(await of_refresh(rest)) is MisconfiguredError
