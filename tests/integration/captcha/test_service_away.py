"""The captcha provider is down or slow: requests are accepted within the rate limits, or rejected."""

import asyncio
import urllib.request
from collections.abc import Callable

import pytest

from doorward_auth.captcha.client import MAX_ANSWER_BYTES, MAX_CONCURRENT
from doorward_auth.rate_limiting.limits import LOGIN_UNKNOWN_DEVICES
from doorward_kit.rate_limiting.limits import LimitKey
from integration.captcha.conftest import TIMEOUT_SECONDS
from integration.captcha.requests import ask_for_reset, good_token, register
from integration.harness.bulk_users import Member
from integration.harness.races import until
from integration.rate_limiting.callers import WRONG, Auths, new_source, statuses
from support.databases import DatabaseServer
from support.siteverify import SECRET, SiteVerify

NO_RESPONSE = f"no response within {TIMEOUT_SECONDS:g} s"
ACCIDENTS: dict[str, tuple[Callable[[SiteVerify], None], str]] = {
    "killed": (SiteVerify.kill9, "ConnectError"),
    "frozen": (SiteVerify.freeze, NO_RESPONSE),
    "slow": (lambda service: service.behave(delay=TIMEOUT_SECONDS + 2), NO_RESPONSE),
    "broken": (lambda service: service.behave(status=500, body="oops"), "Status500"),
    "limiting": (lambda service: service.behave(status=429, body="{}"), "Status429"),
    "elsewhere": (lambda service: service.behave(status=404, body="<html>"), "Status404"),
    "redirecting": (lambda service: service.behave(status=302, body=""), "Status302"),
    "no JSON": (lambda service: service.behave(body="success"), "Status200"),
    "no verdict": (lambda service: service.behave(body='{"success": "true"}'), "Status200"),
    "deep": (lambda service: service.behave(body="[" * 30_000), "Status200"),
    "endless": (lambda service: service.behave(body=" " * (MAX_ANSWER_BYTES + 1)), "longer than 65536 bytes"),
    "disowning us": (
        lambda service: service.behave(body='{"success": false, "error-codes": ["invalid-input-secret"]}'),
        "invalid-input-secret",
    ),
}


def verifications(auths: Auths, outcome: str) -> float:
    """Return the number of requests with a verdict, of all processes."""
    total = 0.0
    for service in auths.services:
        with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        name = f'doorward_captcha_verifications_total{{outcome="{outcome}"}} '
        total += sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))
    return total


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_during_an_outage_requests_are_accepted_within_the_rate_limits(
    auths: Auths, service: SiteVerify, accident: str
) -> None:
    cause, reason = ACCIDENTS[accident]
    before, logged = verifications(auths, "unavailable"), len(auths.events("captcha.unavailable"))
    cause(service)
    assert (await ask_for_reset(auths, new_source(), "unavailable")).status == 202
    assert (await ask_for_reset(auths, new_source(), None)).status == 403, "a token is required"
    assert verifications(auths, "unavailable") == before + 1
    [event] = auths.events("captcha.unavailable")[logged:]
    assert event["reason"] == reason
    assert event["level"] == "warning"
    for one in auths.services:
        assert SECRET not in one.log_text()


async def test_limits_on_guessing_apply_during_an_outage(
    auths: Auths, service: SiteVerify, member: Member
) -> None:
    service.kill9()
    body = {"email": member.email, "password": WRONG}
    headers = {"Captcha-Token": "unavailable"}

    async def guess(count: int) -> dict[int, int]:
        return statuses(
            [await auths.call("POST", "/api/v1/auth/token", body, headers=headers) for _ in range(count)]
        )

    assert await guess(LOGIN_UNKNOWN_DEVICES.free + 1) == {401: LOGIN_UNKNOWN_DEVICES.free + 1}
    auths.prolong(LimitKey.of(LOGIN_UNKNOWN_DEVICES, member.email))
    assert await guess(3) == {429: 3}


async def test_captchas_are_required_again_after_an_outage(auths: Auths, service: SiteVerify) -> None:
    service.kill9()
    assert (await ask_for_reset(auths, new_source(), "made-up")).status == 202
    service.start()
    for _ in range(4):
        assert (await ask_for_reset(auths, new_source(), "made-up")).status == 403
        assert (await ask_for_reset(auths, new_source(), good_token())).status == 202


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"success": false, "error-codes": ["bad-request"]}'),
        (400, "what is that?"),
        (413, ""),
        (422, "{}"),
        (500, '{"success": false, "error-codes": []}'),
        (200, '{"success": false, "error-codes": ["sitekey-secret-mismatch"]}'),
        (200, '{"success": false}'),
        (200, '{"success": false, "error-codes": "invalid-input-secret"}'),
    ],
)
async def test_an_error_caused_by_a_token_is_not_an_outage(
    auths: Auths, service: SiteVerify, status: int, body: str
) -> None:
    """Otherwise a token that causes an error of the provider would bypass the captcha."""
    service.behave(status=status, body=body)
    rejected = await ask_for_reset(auths, new_source(), "made-up")
    assert (rejected.status, rejected.json()["code"]) == (403, "captcha_failed")


async def test_requests_beyond_the_concurrency_limit_are_rejected(
    settings: dict[str, str | None],
    service: SiteVerify,
    mariadb_server: DatabaseServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A full queue is not an outage, so many parallel requests do not bypass the captcha."""
    folder = tmp_path_factory.mktemp("concurrency")
    env = {**settings, "DOORWARD_CAPTCHA_TIMEOUT_SECONDS": "30"}
    with (
        mariadb_server.create_database("concurrency") as database,
        Auths(database, folder, count=1, **env) as auths,
    ):
        service.freeze()
        count = 2 * MAX_CONCURRENT
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(ask_for_reset(auths, new_source(), "made-up")) for _ in range(count)]
            await until(
                lambda: sum(future.done() for future in asking) >= count - MAX_CONCURRENT,
                "rejected at once",
                25,
            )
            service.thaw()
        answers = [future.result() for future in asking]
        await auths.close()
    assert statuses(answers) == {403: MAX_CONCURRENT, 503: count - MAX_CONCURRENT}
    rejected = next(answer for answer in answers if answer.status == 503)
    assert rejected.json()["code"] == "overloaded"
    assert rejected.retry_after >= 1


async def test_requests_are_rejected_during_an_outage_if_configured(
    settings: dict[str, str | None],
    service: SiteVerify,
    mariadb_server: DatabaseServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("rejecting")
    env = {**settings, "DOORWARD_CAPTCHA_ON_ERROR": "deny"}
    with (
        mariadb_server.create_database("rejecting") as database,
        Auths(database, folder, count=1, **env) as auths,
    ):
        assert (await register(auths, new_source(), good_token())).status == 202
        service.kill9()
        rejected = await register(auths, new_source(), good_token())
        assert (rejected.status, rejected.json()["code"]) == (503, "captcha_unavailable")
        assert rejected.retry_after >= 1
        await auths.close()
