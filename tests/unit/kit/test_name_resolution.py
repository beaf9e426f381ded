"""The last answer of the name servers is used while they give none."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from doorward_kit.name_resolution import Addresses, RememberedAddresses

HOST: Final = "database.example"
OLD: Final = "192.0.2.1"
NEW: Final = "192.0.2.2"


class NameServers:
    """Stand-in for the system's name servers: they answer, fail, or hang."""

    def __init__(self) -> None:
        self.address = OLD
        self.error: int | None = None
        self.asked: list[str] = []
        self.answering = threading.Event()
        self.answering.set()

    def getaddrinfo(self, host: str, port: int, *_: int) -> Addresses:
        self.asked.append(host)
        address, error = self.address, self.error
        self.answering.wait()
        if error is not None:
            raise socket.gaierror(error, "as told")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.fixture
def servers() -> Iterator[NameServers]:
    servers = NameServers()
    yield servers
    servers.answering.set()


@pytest.fixture
def remembered(servers: NameServers) -> RememberedAddresses:
    return RememberedAddresses(servers.getaddrinfo)


def address_of(remembered: RememberedAddresses, host: str = HOST) -> Any:
    [(*_, (address, _port))] = remembered.getaddrinfo(host, 3306, 0, socket.SOCK_STREAM)
    return address


def test_a_changed_address_is_known_at_once(remembered: RememberedAddresses, servers: NameServers) -> None:
    assert address_of(remembered) == OLD
    servers.address = NEW
    assert address_of(remembered) == NEW


@pytest.mark.parametrize("error", [socket.EAI_AGAIN, socket.EAI_FAIL])
def test_the_last_answer_is_used_while_there_is_none(
    remembered: RememberedAddresses, servers: NameServers, error: int
) -> None:
    address_of(remembered)
    servers.error = error
    assert [address_of(remembered) for _ in range(3)] == [OLD] * 3
    servers.error, servers.address = None, NEW
    assert address_of(remembered) == NEW


def test_a_name_that_does_not_exist_any_more_is_an_answer(
    remembered: RememberedAddresses, servers: NameServers
) -> None:
    address_of(remembered)
    servers.error = socket.EAI_NONAME
    with pytest.raises(socket.gaierror):
        address_of(remembered)


def test_a_name_that_was_never_known_is_an_error(
    remembered: RememberedAddresses, servers: NameServers
) -> None:
    servers.error = socket.EAI_AGAIN
    with pytest.raises(socket.gaierror):
        address_of(remembered)


def test_servers_that_hang_delay_nothing_for_long(
    remembered: RememberedAddresses, servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the answer that is found after a while is used, without asking for longer than that."""
    address_of(remembered)
    monkeypatch.setattr("doorward_kit.name_resolution.PATIENCE_SECONDS", 0.01)
    servers.answering.clear()
    assert [address_of(remembered) for _ in range(5)] == [OLD] * 5
    assert len(servers.asked) == 2, "it asked again at once"
    monkeypatch.setattr("doorward_kit.name_resolution.REPEAT_SECONDS", 0.0)
    servers.address = NEW
    assert address_of(remembered) == OLD
    assert len(servers.asked) == 3, "it waits for an answer that was lost"
    monkeypatch.setattr("doorward_kit.name_resolution.PATIENCE_SECONDS", 60.0)
    servers.answering.set()
    assert address_of(remembered) == NEW


def test_unanswered_questions_are_few(
    remembered: RememberedAddresses, servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    address_of(remembered)
    for name, value in (("PATIENCE_SECONDS", 0.0), ("REPEAT_SECONDS", 0.0), ("MAX_UNANSWERED", 3)):
        monkeypatch.setattr(f"doorward_kit.name_resolution.{name}", value)
    servers.answering.clear()
    for _ in range(10):
        address_of(remembered)
    assert len(servers.asked) <= 4


async def test_a_wait_that_ends_leaves_the_look_up_to_others(
    remembered: RememberedAddresses, servers: NameServers
) -> None:
    servers.answering.clear()
    first, second = (asyncio.create_task(remembered.find(HOST, 3306)) for _ in range(2))
    await asyncio.to_thread(until, lambda: bool(servers.asked))
    first.cancel()
    await asyncio.wait([first])
    servers.answering.set()
    [(*_, (address, _port))] = await second
    assert address == OLD
    assert len(servers.asked) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_no_name(remembered: RememberedAddresses, servers: NameServers, host: str) -> None:
    address_of(remembered, host)
    servers.error = socket.EAI_AGAIN
    with pytest.raises(socket.gaierror):
        address_of(remembered, host)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError


def test_hosts_of_urls_are_known_before_the_first_connection(
    remembered: RememberedAddresses, servers: NameServers
) -> None:
    remembered.prefetch(["http://users.example:8000/api", "https://auth.example/api", "http://127.0.0.1/"])
    until(lambda: len(remembered._known) == 2)
    servers.error = socket.EAI_AGAIN
    assert remembered.getaddrinfo("users.example", 8000, 0, socket.SOCK_STREAM)
    assert remembered.getaddrinfo("auth.example", 443, 0, socket.SOCK_STREAM)
