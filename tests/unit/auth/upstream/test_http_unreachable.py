"""Every way in which an upstream gives no whole answer, and whether it may have acted."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from doorward_auth.upstream_adapters.base import (
    Arrival,
)
from doorward_auth.upstream_adapters.rest import RestAdapter
from support.certificates import self_signed
from support.ports import free_port
from support.scripted_upstream import Reply, ScriptedUpstream, Then, answer
from unit.auth.upstream.adapters import LOGIN, rest_adapter
from unit.auth.upstream.failures import arrival

GOOD = json.dumps(LOGIN).encode()


async def test_a_refused_connection_sent_nothing(upstream: ScriptedUpstream) -> None:
    rest = rest_adapter(upstream, base_url=f"http://127.0.0.1:{free_port()}")
    assert await arrival(rest) is Arrival.NOT_SENT


async def test_an_unknown_name_sent_nothing(upstream: ScriptedUpstream) -> None:
    rest = rest_adapter(upstream, base_url="https://nothing.invalid")
    assert await arrival(rest) is Arrival.NOT_SENT


async def test_a_server_without_tls_got_nothing(upstream: ScriptedUpstream) -> None:
    rest = rest_adapter(upstream, base_url=f"https://127.0.0.1:{upstream.port}", timeout_seconds=0.3)
    assert await arrival(rest) is Arrival.NOT_SENT
    assert upstream.received == []


async def test_an_untrusted_certificate_got_nothing_and_its_own_authority_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem)
    upstream = ScriptedUpstream()
    upstream.otherwise = answer(200, LOGIN)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    other_host = rest_adapter(upstream, base_url=url)
    assert await arrival(other_host) is Arrival.NOT_SENT
    assert upstream.received == []
    friend = rest_adapter(upstream, base_url=url, ca_file=str(certificate.authority))
    assert (await friend.log_in("ada@example.com", "a password")).user.subject == "7"
    await friend.close()
    server.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(then=Then.CLOSE),
        Reply(then=Then.RESET),
        Reply(b"HTTP/1.1 200 OK\r\n", Then.CLOSE),
        Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + GOOD, Then.CLOSE),
        Reply(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"acc', Then.RESET),
        Reply(b"HTTP/1.1 500 Oops\r\nContent-Length: 500\r\n\r\n<html>", Then.CLOSE),
        Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", Then.CLOSE),
        Reply(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Then.CLOSE),
        Reply(b"SSH-2.0-OpenSSH_9.2\r\n", Then.CLOSE),
        Reply(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, Then.CLOSE),
    ],
    ids=[
        "closed",
        "reset",
        "half-head",
        "half-body",
        "half-chunk",
        "half-error",
        "lengths",
        "switch",
        "ssh",
        "long-head",
    ],
)
async def test_a_request_without_a_whole_answer_may_have_arrived(
    upstream: ScriptedUpstream, rest: RestAdapter, reply: Reply
) -> None:
    upstream.will(reply)
    assert await arrival(rest) is Arrival.UNKNOWN
    assert len(upstream.received) == 1, "never repeated"


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", b"HTTP/1.1 103 Early Hints\r\n\r\n"],
)
async def test_the_deadline_is_for_the_whole_request(upstream: ScriptedUpstream, begun: bytes) -> None:
    rest = rest_adapter(upstream, timeout_seconds=0.5)
    upstream.will(Reply(begun, Then.HANG))
    assert await arrival(rest) is Arrival.UNKNOWN
    assert len(upstream.received) == 1


async def test_no_request_waits_for_a_connection(upstream: ScriptedUpstream) -> None:
    """Its sender is limited before. A wait here would look like an upstream that cannot be connected to."""
    rest = rest_adapter(upstream, max_connections=1)
    upstream.will(Reply(then=Then.HANG), answer(200, LOGIN))
    holder = asyncio.create_task(rest.log_in("ada@example.com", "a password"))
    await upstream.request_came.wait()
    assert (await rest.log_in("ada@example.com", "a password")).user.subject == "7"
    holder.cancel()
