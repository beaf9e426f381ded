"""Every way in which an upstream answers badly, and what the answer becomes."""

import datetime as dt
import gzip
import json
import tracemalloc
import zlib
from email.utils import format_datetime

import pytest

from doorward_auth.upstream_adapters.base import (
    FailedError,
    MalformedAnswerError,
    ThrottledError,
)
from doorward_auth.upstream_adapters.http.client import MAX_ANSWER_BYTES
from doorward_auth.upstream_adapters.rest import RestAdapter
from support.scripted_upstream import ScriptedUpstream, answer
from unit.auth.upstream.adapters import LOGIN
from unit.auth.upstream.failures import failure

HTML = "<!DOCTYPE html><title>AttributeError at /api/login</title>"
GOOD = json.dumps(LOGIN).encode()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 301, 302, 307, 304, 404, 405, 408, 418])
async def test_an_unexpected_status_is_a_failure_and_no_redirect_is_followed(
    upstream: ScriptedUpstream, rest: RestAdapter, status: int
) -> None:
    headers = {"Location": f"{upstream.url}/elsewhere", "X-Request-Id": "abc-123"}
    upstream.will(answer(status, b"" if status == 304 else HTML, headers))
    failed = await failure(rest)
    assert type(failed) is FailedError
    assert (failed.status, failed.request_id) == (status, "abc-123")
    assert len(upstream.received) == 1


@pytest.mark.parametrize("request_id", ["a b", "x" * 129, "<script>", '"'])
async def test_a_strange_request_id_is_not_kept(
    upstream: ScriptedUpstream, rest: RestAdapter, request_id: str
) -> None:
    upstream.will(answer(500, HTML, {"X-Request-Id": request_id}))
    assert (await failure(rest)).request_id is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML.encode(),
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        GOOD.replace(b'"access": "access-1"', b'"access": null'),
        GOOD.replace(b'"access": "access-1"', b'"access": 5'),
        GOOD.replace(b'"access": "access-1"', b'"access": ""'),
        GOOD.replace(b'"access": "access-1"', b'"access": "a\\nb"'),
        GOOD.replace(b'"access": "access-1"', b'"access": "' + b"x" * 20_000 + b'"'),
        GOOD.replace(b'"access": "access-1"', b'"access": "a", "access": "b"'),
        GOOD.replace(b'"refresh": "refresh-1"', b'"refresh": ["r"]'),
        GOOD.replace(b'"id": 7', b'"id": null'),
        GOOD.replace(b'"id": 7', b'"id": 7.5'),
        GOOD.replace(b'"id": 7', b'"id": true'),
        GOOD.replace(b'"id": 7', b'"id": " 7"'),
        GOOD.replace(b'"id": 7', b'"id": ""'),
        GOOD.replace(b'"id": 7', b'"id": "' + b"7" * 256 + b'"'),
        GOOD.replace(b'"free"', b'"\xe9"'),
        GOOD.replace(b'"free"', b'"\\ud800"'),
        GOOD.decode().encode("utf-16"),
        b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD,
        b"[" * 5000,
        b'{"a":' * 5000,
        GOOD + b"{}",
        GOOD + b" " * MAX_ANSWER_BYTES,
        *(
            GOOD.replace(b'"expires_in": 60', b'"expires_in": ' + value)
            for value in (
                b'"60"',
                b'"soon"',
                b"-1",
                b"0",
                b"1e999",
                b"NaN",
                b"Infinity",
                b"true",
                b"9e15",
                b"[]",
            )
        ),
    ],
)
async def test_a_success_that_cannot_be_used_is_malformed(
    upstream: ScriptedUpstream, rest: RestAdapter, body: bytes
) -> None:
    upstream.will(answer(200, body, {"X-Request-Id": "abc"}))
    failed = await failure(rest)
    assert type(failed) is MalformedAnswerError
    assert (failed.status, failed.request_id) == (200, "abc")


@pytest.mark.parametrize("status", [200, 500])
async def test_a_compression_bomb_costs_no_more_than_the_limit(
    upstream: ScriptedUpstream, rest: RestAdapter, status: int
) -> None:
    bombs = [
        (gzip.compress(b"\0" * 50_000_000, mtime=0), "gzip"),
        (gzip.compress(gzip.compress(b"\0" * 5_000_000), mtime=0), "gzip, gzip"),
    ]
    for bomb, encoding in bombs:
        assert len(bomb) < MAX_ANSWER_BYTES
        upstream.will(answer(status, bomb, {"Content-Encoding": encoding}))
        tracemalloc.start()
        failed = await failure(rest)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert type(failed) is (MalformedAnswerError if status == 200 else FailedError)
        assert most < 3_000_000


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(GOOD, mtime=0)[:-30], zlib.compress(GOOD)])
async def test_a_body_that_does_not_decompress_is_malformed(
    upstream: ScriptedUpstream, rest: RestAdapter, content: bytes
) -> None:
    upstream.will(answer(200, content, {"Content-Encoding": "gzip"}))
    assert type(await failure(rest)) is MalformedAnswerError


async def test_an_answer_may_be_compressed_although_none_is_asked_for(
    upstream: ScriptedUpstream, rest: RestAdapter
) -> None:
    upstream.will(answer(200, gzip.compress(GOOD, mtime=0), {"Content-Encoding": "gzip"}))
    assert (await rest.log_in("ada@example.com", "a password")).user.subject == "7"
    assert upstream.received[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        (
            {
                "Date": format_datetime(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), usegmt=True),
                "Retry-After": format_datetime(dt.datetime(2026, 1, 1, 0, 1, tzinfo=dt.UTC), usegmt=True),
            },
            60,
        ),
    ],
)
async def test_too_many_requests_say_when_to_try_again(
    upstream: ScriptedUpstream, rest: RestAdapter, headers: dict[str, str], seconds: int | None
) -> None:
    upstream.will(answer(429, "slow down", headers))
    failed = await failure(rest)
    assert isinstance(failed, ThrottledError)
    assert failed.retry_after == seconds


async def test_connections_are_used_again_and_cookies_are_not(
    upstream: ScriptedUpstream, rest: RestAdapter
) -> None:
    upstream.otherwise = answer(200, LOGIN, {"Set-Cookie": "session=someone; Path=/"})
    for _ in range(3):
        await rest.log_in("ada@example.com", "a password")
    assert upstream.connections == 1
    assert not [request for request in upstream.received if "cookie" in request.headers]
