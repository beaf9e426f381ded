"""Exports whose reader is slow or gone, and that fail on the way: nothing waits, and a part is no whole."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import httpx2
import pytest
import sqlalchemy as sa
from starlette.requests import ClientDisconnect
from starlette.types import Message

from doorward_identity.tables import users
from doorward_identity.user_export import ExportPage, FileFormat, read_page
from doorward_kit.unit_of_work import DatabaseUnavailableError
from doorward_users.export import response, service
from doorward_users.export.errors import ExportsUnavailableError
from doorward_users.export.response import ExportResponse
from integration.harness.bulk_users import enrol
from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.harness.single_service import running_single_service

pytestmark = pytest.mark.databases("sqlite")


class Reader:
    """The other side of a response: it takes some chunks, and then waits or goes away."""

    def __init__(self, *, takes: int) -> None:
        self.messages: list[Message] = []
        self._left = takes
        self.waits = asyncio.Event()
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message.get("more_body"):
            if not self._left:
                self.waits.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.waits.clear()
            self._left -= 1
        self.messages.append(message)

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def is_complete(self) -> bool:
        return self.messages[-1] == {"type": "http.response.body", "body": b""}


Act = Callable[[Reader], Awaitable[None]]
Run = Callable[[Reader, Act], None]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PAGE_SIZE", 5)
    monkeypatch.setattr(service, "_RETRY_SECONDS", 0.0)


@pytest.fixture
def run(installation: Installation, people: People) -> Run:
    """Send an export of the administrator to a reader, while a test acts."""
    enrol(installation.database_url, 20)
    exports: service.ExportService = installation.users_app.state.services.exports
    claims = installation.users_app.state.resources.verification.verifier.verify(people.admin.access)

    async def respond(reader: Reader, act: Act) -> None:
        answer = ExportResponse(await exports.start(claims, FileFormat.CSV), "text/csv")
        sending = asyncio.create_task(answer({"type": "http"}, reader.receive, reader.send))
        try:
            await act(reader)
            await sending
        finally:
            assert not exports._running, "the next export of this person would be rejected"

    def run(reader: Reader, act: Act) -> None:
        portal = installation.users.portal
        assert portal is not None
        portal.call(respond, reader, act)

    return run


async def only_read(_reader: Reader) -> None:
    """Leave the reader alone."""


def test_a_slow_reader_holds_no_connection_and_a_disconnected_one_ends_the_export(
    installation: Installation, run: Run
) -> None:
    pool = installation.users_app.state.resources.database.engine.pool
    reader = Reader(takes=2)

    async def leave(reader: Reader) -> None:
        await reader.waits.wait()
        assert pool.checkedout() == 0
        reader.gone.set()

    with pytest.raises(ClientDisconnect):
        run(reader, leave)
    assert not reader.is_complete
    assert not reader.waits.is_set(), "it is still sent to"


def test_a_reader_that_takes_too_long_is_cut_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "CHUNK_SECONDS", 0.01)
    reader = Reader(takes=2)
    with pytest.raises(ClientDisconnect):
        run(reader, only_read)
    assert not reader.is_complete


def test_an_export_takes_no_longer_than_its_limit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SECONDS", 0.0)
    reader = Reader(takes=100)
    with pytest.raises(ExportsUnavailableError):
        run(reader, only_read)
    assert reader.messages == [], "the error is an answer like any other"


@pytest.mark.parametrize("failures", [service._ATTEMPTS - 1, service._ATTEMPTS])
def test_a_page_is_read_again_while_the_database_is_away(
    run: Run, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    calls = 0

    def fail_on_the_third(*arguments: object) -> ExportPage:
        nonlocal calls
        calls += 1
        if 3 <= calls < 3 + failures:
            raise DatabaseUnavailableError
        return read_page(*arguments)  # type: ignore[arg-type]  # those that it was called with

    monkeypatch.setattr(service, "read_page", fail_on_the_third)
    reader = Reader(takes=100)
    if failures < service._ATTEMPTS:
        run(reader, only_read)
    else:
        with pytest.raises(ClientDisconnect):
            run(reader, only_read)
    assert reader.is_complete is (failures < service._ATTEMPTS)


MANY: Final = sa.text("""
WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < 60000)
INSERT INTO users (id, email, email_key, name, name_key, role, status, token_version, version, created_at,
    updated_at)
SELECT randomblob(16), n || '@example.com', n || '@example.com', :name, '', 'user', 'active', 0, 1,
    '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000' FROM one
""")


def test_an_administrator_who_was_demoted_gets_no_further(tmp_path: Path) -> None:
    """More than the buffers of two sockets hold. A client sees that it is not complete."""
    with running_single_service(tmp_path) as running:
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'var' / 'doorward.db'}")
        with engine.begin() as connection:
            connection.execute(MANY, {"name": "\U0001f418" * 150})
        with running.client.stream("GET", f"{USERS}/export", headers=running.admin) as answer:
            assert answer.status_code == 200
            chunks = answer.iter_bytes()
            assert uuid.UUID(next(chunks)[7:43].decode()).int
            with engine.begin() as connection:
                demoted = users.update().where(users.c.role == "admin")
                connection.execute(demoted.values(token_version=users.c.token_version + 1))
            with pytest.raises(httpx2.RemoteProtocolError):
                list(chunks)
        engine.dispose()
