"""Event streams through HAProxy and NGINX as shipped: never buffered, kept by comments, and limited."""

import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from doorward_auth.events import repository
from doorward_auth.events.event import Event, EventName
from doorward_auth.events.settings import EventSettings
from doorward_kit.database import create_engine
from integration.harness.deployment import wait_until
from support.chain import Chain, Edge, running_edge, service_account
from support.client import AUTH, Client, assert_problem
from support.event_stream import EVENTS, event_stream, opened
from support.haproxy import CONFIG
from support.nginx import TEMPLATE
from support.reaper import temporary_folder
from support.services import Admin, Service, create_admin, migrate

EDGE_SECONDS: Final = 2
"""HAProxy's timeout for a silent node here; the shipped one is longer than a test should take."""

UNDELAYED_SECONDS: Final = 0.15

COMMENTS: Final = 8
KEEPALIVE_SECONDS: Final = 0.3


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def database_url(folder: Path) -> str:
    url = f"sqlite:///{folder}/identity.db"
    migrate(url)
    return url


@pytest.fixture(scope="module")
def admin(database_url: str) -> Admin:
    return create_admin(database_url)


@pytest.fixture(scope="module")
def auth(folder: Path, database_url: str) -> Iterator[Service]:
    env = {"DOORWARD_EVENTS_KEEPALIVE_SECONDS": str(KEEPALIVE_SECONDS)}
    with Service("auth", database_url=database_url, log=folder / "auth.log", env=env) as auth:
        yield auth


@pytest.fixture(scope="module")
def edge(auth: Service) -> Iterator[Edge]:
    env = {"DOORWARD_EDGE_RESPONSE_TIMEOUT": f"{EDGE_SECONDS}s", "DOORWARD_EDGE_STREAMS": "2"}
    with running_edge(auth.port, auth.port, auth.port, env=env) as edge:
        yield edge


@pytest.fixture(scope="module")
def silent_auth(folder: Path, database_url: str) -> Iterator[Service]:
    """An auth that sends no comment during a test."""
    env = {"DOORWARD_EVENTS_KEEPALIVE_SECONDS": "25"}
    with Service("auth", database_url=database_url, log=folder / "silent.log", env=env) as auth:
        yield auth


@pytest.fixture(scope="module")
def silent_edge(silent_auth: Service) -> Iterator[Edge]:
    with running_edge(silent_auth.port, silent_auth.port, silent_auth.port) as edge:
        yield edge


@pytest.fixture(params=["tls", "plain"])
def client(edge: Edge, admin: Admin, request: pytest.FixtureRequest) -> Iterator[Client]:
    with edge.client(tls=request.param == "tls") as client:
        yield client.login_as(admin)


def publish(database_url: str, user_id: str) -> None:
    """Publish an event to a user, as the account of the database may."""
    engine = create_engine(database_url, pool_size=1, timeout=30)
    with engine.connect() as connection:
        event = Event.of(EventName.TOKEN_REFRESHED, provider="theapi")
        repository.add(connection, uuid.UUID(user_id), None, event)
    engine.dispose()


def test_events_pass_at_once_and_comments_keep_the_stream(client: Client, database_url: str) -> None:
    """Were an event buffered anywhere, it would never arrive: nothing follows it."""
    user_id = client.get(f"{AUTH}/me").json()["id"]
    token = client.tokens["access_token"]
    with event_stream("", token, client=client.http) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        for _ in range(COMMENTS):
            stream.wait_for_comment()
        publish(database_url, user_id)
        assert stream.next_name() == "token.refreshed"
        with event_stream("", token, client=client.http):
            pass
        assert client.post(f"{AUTH}/logout").status_code == 204
        assert stream.rest() == ["session.ended"]


def test_the_comments_of_that_test_outlast_the_timeout_of_haproxy() -> None:
    assert COMMENTS * KEEPALIVE_SECONDS > EDGE_SECONDS > 2 * KEEPALIVE_SECONDS


def test_no_event_waits_for_more_to_send_with_it(silent_edge: Edge, admin: Admin) -> None:
    """HAProxy would wait for 200 ms, each time. Of many streams one is not slow for other reasons."""
    seconds = []
    with silent_edge.client(tls=False) as client:
        token = client.login_as(admin).tokens["access_token"]
        for _ in range(20):
            started = time.monotonic()
            with opened("", token, client=client.http) as stream:
                assert stream.next_name() == "state"
                seconds.append(time.monotonic() - started)
            if seconds[-1] < UNDELAYED_SECONDS:
                return
    raise AssertionError(f"the fastest first event took {min(seconds):.3f} s")


@pytest.mark.parametrize("tls", [True, False])
def test_a_client_that_leaves_is_noticed_without_a_comment(
    silent_edge: Edge, silent_auth: Service, admin: Admin, *, tls: bool
) -> None:
    def open_streams() -> list[str]:
        text = httpx2.get(f"{silent_auth.url}/metrics").text
        return [line for line in text.splitlines() if line.startswith("doorward_event_streams ")]

    with silent_edge.client(tls=tls) as client:
        token = client.login_as(admin).tokens["access_token"]
        with event_stream("", token, client=client.http):
            assert open_streams() == ["doorward_event_streams 1.0"]
        wait_until(lambda: open_streams() == ["doorward_event_streams 0.0"], "closed", 20)


@pytest.mark.parametrize("path", [EVENTS, EVENTS.replace("events", "%65vents")])
def test_streams_have_a_limit_of_their_own(edge: Edge, admin: Admin, path: str) -> None:
    with edge.client() as client:
        token = client.login_as(admin).tokens["access_token"]
        with (
            event_stream("", token, client=client.http) as first,
            event_stream("", token, client=client.http),
        ):
            assert_problem(client.get(path), 503, "unavailable")
            assert client.get(f"{AUTH}/me").status_code == 200
            first.wait_for_comment()


def test_timeouts_of_the_edge_are_longer_than_any_silence_that_settings_allow() -> None:
    haproxy = CONFIG.read_text(encoding="utf-8")
    nginx = TEMPLATE.read_text(encoding="utf-8")
    timeouts = re.findall(r"^ +timeout (?:client|server) \D*(\d+)s", haproxy, re.MULTILINE)
    timeouts += re.findall(r"^ +(?:proxy_read|send)_timeout (\d+)s;", nginx, re.MULTILINE)
    assert len(timeouts) == 4
    silence = EventSettings.model_fields["events_keepalive_seconds"]
    [most] = [bound.le for bound in silence.metadata if hasattr(bound, "le")]
    assert silence.default * 2 <= min(map(int, timeouts))
    assert most < min(map(int, timeouts))


def test_the_account_of_auth_may_publish_and_deliver(chain: Chain) -> None:
    with chain.client() as client:
        token = client.login_as(chain.admin).tokens["access_token"]
        user_id = client.get(f"{AUTH}/me").json()["id"]
        with opened("", token, client=client.http) as stream:
            assert stream.next_name() == "state"
            publish(service_account(chain.database, "auth"), user_id)
            assert stream.next_name() == "token.refreshed"
