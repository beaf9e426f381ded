"""Fetching a picture: what is sent, which redirects are followed, and how much is read."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from doorward_auth.upstream_adapters.base import (
    FailedError,
    MalformedAnswerError,
    ThrottledError,
    UnreachableError,
)
from doorward_auth.upstream_adapters.pictures import MAX_REDIRECTS, PictureClient, RedirectNotAllowedError
from support.images import png
from support.scripted_upstream import Reply, ScriptedUpstream, Then, answer, scripted_upstream
from unit.auth.upstream.adapters import rest_settings

MAX_BYTES = 65_536
PICTURE = png(8, 8)
GOOD = answer(200, PICTURE, {"Content-Type": "image/png"})

NewClient = Callable[..., PictureClient]


@pytest.fixture
async def new_client(upstream: ScriptedUpstream) -> AsyncIterator[NewClient]:
    """Make clients whose only host is the scripted upstream."""
    made: list[PictureClient] = []

    def make(*further_hosts: str, seconds: float = 30) -> PictureClient:
        hosts = [f"127.0.0.1:{upstream.port}", *further_hosts]
        answers = {"access_token": "/access", "subject": "/id", "picture": "/picture"}
        settings = rest_settings(picture_hosts=hosts, answer=answers, refresh=None, timeout_seconds=seconds)
        made.append(PictureClient("theapi", settings, max_bytes=MAX_BYTES))
        return made[-1]

    yield make
    for client in made:
        await client.close()


async def fetch(client: PictureClient, upstream: ScriptedUpstream, path: str = "/me.png") -> bytes:
    url = client.hosts.parse(upstream.url + path)
    assert url is not None
    return await client.fetch(url)


async def test_a_picture_is_fetched_without_credentials_and_cookies(
    upstream: ScriptedUpstream, new_client: NewClient
) -> None:
    client = new_client()
    upstream.otherwise = answer(200, PICTURE, {"Set-Cookie": "session=someone; Path=/"})
    for _ in range(2):
        assert await fetch(client, upstream, "/me.png?size=64#part") == PICTURE
    for request in upstream.received:
        assert (request.method, request.target, request.body) == ("GET", "/me.png?size=64", b"")
        assert request.headers.keys() == {"host", "connection", "accept", "accept-encoding", "user-agent"}
        assert request.headers["accept"].startswith("image/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_a_listed_host_is_followed(
    upstream: ScriptedUpstream, new_client: NewClient, status: int
) -> None:
    async with scripted_upstream() as other:
        client = new_client(f"127.0.0.1:{other.port}")
        upstream.will(
            answer(status, b"", {"Location": "/second"}),
            answer(status, b"", {"Location": f"{other.url}/third"}),
        )
        other.will(GOOD)
        assert await fetch(client, upstream) == PICTURE
        assert [one.target for one in other.received] == ["/third"]
    assert [one.target for one in upstream.received] == ["/me.png", "/second"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/?secret",
        "//169.254.169.254/latest/meta-data/",
        "https://pictures.example.com/x",
        "file:///etc/passwd",
        "http://[::1",
    ],
)
async def test_no_other_redirect_is_followed(
    upstream: ScriptedUpstream, new_client: NewClient, location: str
) -> None:
    upstream.will(answer(302, b"", {"Location": location}))
    with pytest.raises(RedirectNotAllowedError) as rejected:
        await fetch(new_client(), upstream)
    assert rejected.value.host in {"169.254.169.254", "pictures.example.com", None}
    assert len(upstream.received) == 1


async def test_a_backslash_is_a_part_of_the_path(upstream: ScriptedUpstream, new_client: NewClient) -> None:
    """To browsers it is a slash, so that this would be another host."""
    upstream.will(answer(302, b"", {"Location": "\\\\attacker.example\\x"}), GOOD)
    assert await fetch(new_client(), upstream) == PICTURE
    assert [one.headers["host"] for one in upstream.received] == 2 * [f"127.0.0.1:{upstream.port}"]


async def test_a_redirect_to_another_port_of_this_machine_is_not_followed(
    upstream: ScriptedUpstream, new_client: NewClient
) -> None:
    async with scripted_upstream() as other:
        for location in (f"{other.url}/x", f"http://localhost:{other.port}/x", f"//127.0.0.1:{other.port}/x"):
            upstream.will(answer(302, b"", {"Location": location}))
            with pytest.raises(RedirectNotAllowedError):
                await fetch(new_client(), upstream)
        assert other.connections == 0


async def test_a_redirect_to_itself_ends(upstream: ScriptedUpstream, new_client: NewClient) -> None:
    upstream.otherwise = answer(302, b"", {"Location": "/me.png"})
    with pytest.raises(FailedError):
        await fetch(new_client(), upstream)
    assert len(upstream.received) == 1 + MAX_REDIRECTS


async def test_a_file_of_the_limit_is_read_whole(upstream: ScriptedUpstream, new_client: NewClient) -> None:
    for encoding, content in (("identity", b"x" * MAX_BYTES), ("gzip", gzip.compress(b"x" * MAX_BYTES))):
        upstream.will(answer(200, content, {"Content-Encoding": encoding}))
        assert await fetch(new_client(), upstream) == b"x" * MAX_BYTES


async def test_a_file_past_the_limit_is_not(upstream: ScriptedUpstream, new_client: NewClient) -> None:
    endless = Reply(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + bytes(8 * MAX_BYTES), Then.HANG
    )
    bomb = gzip.compress(b"\0" * 50_000_000)
    for reply in (
        answer(200, b"x" * (MAX_BYTES + 1)),
        endless,
        answer(200, bomb, {"Content-Encoding": "gzip"}),
        answer(200, gzip.compress(bomb), {"Content-Encoding": "gzip, gzip"}),
        answer(200, bomb[:2000], {"Content-Encoding": "gzip"}),
        answer(200, b""),
        answer(204),
    ):
        upstream.will(reply)
        client = new_client()
        tracemalloc.start()
        with pytest.raises(MalformedAnswerError):
            await fetch(client, upstream)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 3_000_000


async def test_a_slow_answer_ends_with_the_deadline(
    upstream: ScriptedUpstream, new_client: NewClient
) -> None:
    beginning = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"
    for reply in (Reply(then=Then.HANG), Reply(beginning, Then.HANG), Reply(beginning, Then.CLOSE)):
        upstream.will(reply)
        with pytest.raises(UnreachableError):
            await fetch(new_client(seconds=0.2), upstream)


@pytest.mark.parametrize(
    ("status", "error"), [(404, FailedError), (500, FailedError), (304, FailedError), (429, ThrottledError)]
)
async def test_an_error_is_logged_without_the_url(
    upstream: ScriptedUpstream, new_client: NewClient, status: int, error: type[Exception]
) -> None:
    upstream.will(answer(status, b"" if status == 304 else b"no"))
    with capture_logs() as lines, pytest.raises(error):
        await fetch(new_client(), upstream, "/the-path?the-query=1")
    [line] = [line for line in lines if line["event"] == "upstream.failed"]
    assert (line["provider"], line["operation"]) == ("theapi", "picture")
    assert "the-" not in str(lines)
