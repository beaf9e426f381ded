"""The example API as a process: the whole sequence, and each failure that it can simulate."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from doorward_auth.upstream.providers import create_adapter
from doorward_auth.upstream_adapters.base import (
    AlreadyTakenError,
    Arrival,
    FailedError,
    Image,
    InvalidGrantError,
    ThrottledError,
    UnreachableError,
    UpstreamRegistration,
    WrongPasswordError,
)
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from support.example_upstream import FOLDER, ExampleUpstream

PASSWORD = "an unheard-of phrase"
PICTURE = Image(b"\x89PNG\r\n\x1a\n" + bytes(1000), "image/png", "avatar.png")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleUpstream]:
    with ExampleUpstream(tmp_path_factory.mktemp("example"), access_seconds=7) as running:
        yield running


@pytest.fixture
async def rest(example: ExampleUpstream) -> AsyncIterator[RestAdapter]:
    example.will("ok")
    adapter = adapter_of(example)
    yield adapter
    await adapter.close()
    example.will("ok")


def adapter_of(example: ExampleUpstream, **changes: Any) -> RestAdapter:
    settings = parse_providers(json.dumps({"theapi": example.settings(**changes)}))["theapi"]
    adapter = create_adapter("theapi", settings)
    assert isinstance(adapter, RestAdapter)
    return adapter


def me(example: ExampleUpstream, access_token: str) -> dict[str, Any]:
    request = Request(f"{example.url}/api/me", headers={"Authorization": f"Bearer {access_token}"})
    with urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def registration(email: str) -> UpstreamRegistration:
    return UpstreamRegistration(email, PASSWORD, "Ada", image=PICTURE)


async def test_the_whole_story(example: ExampleUpstream, rest: RestAdapter) -> None:
    created = await rest.register(registration("ada@example.com"))
    assert (created.user.username, created.user.claims) == ("ada@example.com", {"plan": "free"})
    assert created.tokens.expires_in == 7, "of the JWT"
    found = me(example, created.tokens.access_token)
    assert (str(found["id"]), found["image"]) == (
        created.user.subject,
        {"bytes": 1008, "media_type": "image/png"},
    )
    with pytest.raises(AlreadyTakenError):
        await rest.register(registration("ada@example.com"))
    for email, password in (("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(WrongPasswordError):
            await rest.log_in(email, password)
    login = await rest.log_in("ada@example.com", PASSWORD)
    assert login.user == created.user
    first = login.tokens.refresh_token
    assert first is not None
    second = await rest.refresh(first)
    assert second.refresh_token not in (None, first)
    assert me(example, second.access_token)["plan"] == "free"
    with pytest.raises(InvalidGrantError):
        await rest.refresh(first)
    assert second.refresh_token is not None
    with pytest.raises(InvalidGrantError):
        await rest.refresh(second.refresh_token)


async def test_revoked_tokens_are_dead(example: ExampleUpstream, rest: RestAdapter) -> None:
    tokens = (await rest.register(registration("revoked@example.com"))).tokens
    example.revoke_all()
    with pytest.raises(InvalidGrantError):
        await rest.refresh(tokens.refresh_token or "")


async def test_the_page_of_the_original_is_a_failure(example: ExampleUpstream, rest: RestAdapter) -> None:
    example.will("html500", path="/api/register")
    with pytest.raises(FailedError) as failed:
        await rest.register(registration("page@example.com"))
    assert (failed.value.status, failed.value.request_id) == (500, "example-500")
    with pytest.raises(WrongPasswordError):
        await rest.log_in("page@example.com", PASSWORD)


@pytest.mark.parametrize("mode", ["half", "slow", "silent"])
async def test_an_answer_that_is_lost_may_have_been_acted_on(
    example: ExampleUpstream, rest: RestAdapter, mode: str
) -> None:
    hasty = adapter_of(example, timeout_seconds=30 if mode == "half" else 1)
    email = f"{mode}@example.com"
    example.will(mode, after=True, seconds=30)
    with pytest.raises(UnreachableError) as failed:
        await hasty.register(registration(email))
    await hasty.close()
    assert failed.value.arrival is Arrival.UNKNOWN
    example.will("ok")
    assert (await rest.log_in(email, PASSWORD)).user.username == email


async def test_throttling_says_for_how_long(example: ExampleUpstream, rest: RestAdapter) -> None:
    example.will("throttled", seconds=17, times=1)
    with pytest.raises(ThrottledError) as failed:
        await rest.log_in("ada@example.com", PASSWORD)
    assert failed.value.retry_after == 17
    with pytest.raises(WrongPasswordError):
        await rest.log_in("someone@example.com", PASSWORD)


async def test_a_stopped_api_was_sent_nothing_and_one_that_is_back_works(
    example: ExampleUpstream, rest: RestAdapter
) -> None:
    example.kill9()
    with pytest.raises(UnreachableError) as failed:
        await rest.log_in("ada@example.com", PASSWORD)
    assert failed.value.arrival is Arrival.NOT_SENT
    await asyncio.to_thread(example.start)
    assert (await rest.register(registration("back@example.com"))).tokens.access_token


def test_the_shipped_settings_name_the_shipped_port() -> None:
    document = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))
    assert document["theapi"]["base_url"] == "http://127.0.0.1:9009"
