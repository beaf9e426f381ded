"""Which requests require a captcha, what the provider receives, and how its verdicts are used."""

import pytest

from doorward_auth.rate_limiting.limits import CAPTCHAS_BY_SOURCE, LOGIN_UNKNOWN_DEVICES
from doorward_kit.rate_limiting.limits import LimitKey
from integration.captcha.requests import ASKS, HEADER, Ask, ask_for_reset, good_token, register, with_token
from integration.harness.bulk_users import Member, enrol
from integration.harness.people import PASSWORD
from integration.rate_limiting.callers import (
    TOKEN,
    WRONG,
    Answer,
    Auths,
    device_of,
    new_email,
    new_source,
    statuses,
)
from support.databases import DatabaseServer
from support.siteverify import SECRET, SiteVerify

FAILURES = 3
"""The default of DOORWARD_CAPTCHA_LOGIN_FAILURES."""


async def log_in(auths: Auths, email: str, password: str = PASSWORD, token: str | None = None) -> Answer:
    body = {"email": email, "password": password}
    return await auths.call("POST", TOKEN, body, headers=with_token(token))


def rejection(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.json()["code"]


@pytest.mark.parametrize("ask", ASKS)
async def test_routes_that_send_mail_require_a_captcha(auths: Auths, service: SiteVerify, ask: Ask) -> None:
    source, token = new_source(), good_token()
    before = len(service.asked())
    assert rejection(await ask(auths, source, None)) == (403, "captcha_required")
    assert len(service.asked()) == before, "nothing to ask about"
    assert rejection(await ask(auths, source, "made up")) == (403, "captcha_failed")
    assert len(service.asked()) == before, "no service has tokens with spaces"
    assert rejection(await ask(auths, source, "made-up&secret=x+%20")) == (403, "captcha_failed")
    assert (await ask(auths, source, token)).status == 202
    assert rejection(await ask(auths, source, token)) == (403, "captcha_failed"), "a token counts once"
    media_type = "application/x-www-form-urlencoded"
    assert service.asked()[before:] == [
        {"secret": SECRET, "response": one, "remoteip": source, "content_type": media_type}
        for one in ("made-up&secret=x+%20", token, token)
    ]


async def test_a_rejected_request_is_not_counted_for_the_address(auths: Auths, member: Member) -> None:
    for token in (None, "made-up"):
        for _ in range(10):
            answer = await auths.call(
                "POST", "/api/v1/auth/password/reset", {"email": member.email}, headers=with_token(token)
            )
            assert answer.status == 403
    done = await auths.call(
        "POST", "/api/v1/auth/password/reset", {"email": member.email}, headers=with_token(good_token())
    )
    assert done.status == 202


@pytest.mark.parametrize("whose", ["known", "unknown"])
async def test_login_requires_a_captcha_after_failures(auths: Auths, member: Member, whose: str) -> None:
    email = member.email if whose == "known" else new_email()
    assert [(await log_in(auths, email, WRONG)).status for _ in range(FAILURES)] == [401] * FAILURES
    asked = await log_in(auths, email)
    assert rejection(asked) == (403, "captcha_required")
    assert rejection(await log_in(auths, email, token="made-up")) == (403, "captcha_failed")
    assert (await log_in(auths, email, WRONG, good_token())).status == 401
    expected = 200 if whose == "known" else 401
    assert (await log_in(auths, email, token=good_token())).status == expected


async def test_the_rejection_is_the_same_for_known_and_unknown_addresses(
    auths: Auths, member: Member
) -> None:
    rejections = []
    for email in (member.email, new_email()):
        await auths.fail(email, FAILURES)
        rejections.append([await log_in(auths, email), await log_in(auths, email, token="made-up")])
    known, unknown = rejections
    assert [answer.anonymous_content for answer in known] == [answer.anonymous_content for answer in unknown]
    assert [list(answer.headers) for answer in known] == [list(answer.headers) for answer in unknown]


async def test_a_known_device_needs_no_captcha(auths: Auths, member: Member) -> None:
    device = await device_of(auths, member)
    await auths.fail(member.email, FAILURES)
    assert (await auths.log_in(member.email)).status == 403
    assert (await auths.log_in(member.email, WRONG, device=device)).status == 401
    assert (await auths.log_in(member.email, device=device)).status == 200


async def test_failures_of_one_client_ip_at_many_accounts_require_a_captcha(
    auths: Auths, member: Member
) -> None:
    source = new_source()
    for _ in range(10 * FAILURES):
        assert (await auths.log_in(new_email(), WRONG, source=source)).status == 401
    assert rejection(await auths.log_in(member.email, source=source)) == (403, "captcha_required")
    assert (await auths.log_in(member.email)).status == 200, "from elsewhere"


async def test_changing_a_password_requires_a_captcha_after_failures(auths: Auths, member: Member) -> None:
    await auths.fail(member.email, FAILURES)
    body = {"email": member.email, "current_password": PASSWORD, "new_password": "an unheard-of phrase"}
    rejected = await auths.call("POST", "/api/v1/auth/password", body)
    assert rejection(rejected) == (403, "captcha_required")
    done = await auths.call("POST", "/api/v1/auth/password", body, headers=with_token(good_token()))
    assert done.status == 204


async def test_a_solved_captcha_does_not_shorten_the_wait(auths: Auths, member: Member) -> None:
    wrong = [
        await log_in(auths, member.email, WRONG, good_token()) for _ in range(LOGIN_UNKNOWN_DEVICES.free + 1)
    ]
    assert statuses(wrong) == {401: LOGIN_UNKNOWN_DEVICES.free + 1}
    auths.prolong(LimitKey.of(LOGIN_UNKNOWN_DEVICES, member.email))
    assert (await log_in(auths, member.email, token=good_token())).status == 429


async def test_forged_captcha_tokens_are_rate_limited(auths: Auths, service: SiteVerify) -> None:
    """The provider is not queried without limit for a robot."""
    source, before = new_source(), len(service.asked())
    answers = [await ask_for_reset(auths, source, "made-up") for _ in range(CAPTCHAS_BY_SOURCE.free + 5)]
    assert statuses(answers) == {403: CAPTCHAS_BY_SOURCE.free, 429: 5}
    assert len(service.asked()) == before + CAPTCHAS_BY_SOURCE.free
    assert auths.counted(LimitKey.of_source(CAPTCHAS_BY_SOURCE, source)) == CAPTCHAS_BY_SOURCE.free


async def test_captcha_tokens_are_not_logged(auths: Auths) -> None:
    token, made_up = good_token() + "-not-for-the-log", "made-up-not-for-the-log"
    await register(auths, new_source(), token)
    await register(auths, new_source(), made_up)
    for service in auths.services:
        assert "/register" in service.log_text()
        assert "not-for-the-log" not in service.log_text()
        assert SECRET not in service.log_text()


async def test_the_routes_with_captchas_are_configurable(
    settings: dict[str, str | None], mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("actions")
    with (
        mariadb_server.create_database("actions") as database,
        Auths(database, folder, count=1, DOORWARD_CAPTCHA_REQUIRED_FOR="register", **settings) as auths,
    ):
        [member] = enrol(database.url, 1)
        assert rejection(await register(auths, new_source(), None)) == (403, "captcha_required")
        assert (await ask_for_reset(auths, new_source(), None)).status == 202
        assert statuses(await auths.fail(member.email, FAILURES + 1)) == {401: FAILURES + 1}
        assert (await auths.log_in(member.email)).status == 200
        await auths.close()


async def test_without_configuration_no_captcha_is_required(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory, service: SiteVerify
) -> None:
    before = len(service.asked())
    folder = tmp_path_factory.mktemp("off")
    with mariadb_server.create_database("off") as database, Auths(database, folder, count=1) as auths:
        for ask in ASKS:
            assert (await ask(auths, new_source(), None)).status == 202
            assert (await ask(auths, new_source(), "made-up")).status == 202, f"{HEADER} means nothing"
        await auths.close()
    assert len(service.asked()) == before
