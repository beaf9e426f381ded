"""Limits of event streams, and that a client that leaves or does not read keeps nothing."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import doorward_kit.server
from doorward_auth.events.event import Event, EventName
from integration.events.conftest import Processes, claims_of
from integration.harness.deployment import wait_until
from integration.harness.problems import assert_problem
from support.event_stream import event_stream, opened, unread_stream
from support.services import Service

STREAMS: Final = "doorward_event_streams"
IN_PROGRESS: Final = 'doorward_http_requests_in_progress{service="auth"}'


def wait_until_closed(processes: Processes, service: Service) -> None:
    """Wait until a process has no stream."""
    wait_until(lambda: processes.metric(service, STREAMS) == 0, "without a stream", 60)


def test_a_session_has_four_streams_at_a_process(processes: Processes) -> None:
    token = processes.log_in()
    with ExitStack() as streams:
        for _ in range(4):
            streams.enter_context(event_stream(processes.auth.url, token))
        with opened(processes.auth.url, token) as rejected:
            rejected.response.read()
            assert_problem(rejected.response, 429, "too_many_event_streams")
            assert int(rejected.response.headers["retry-after"]) > 0
        with event_stream(processes.other_auth.url, token):
            pass
    wait_until_closed(processes, processes.auth)
    with event_stream(processes.auth.url, token):
        pass


def test_a_process_has_a_number_of_streams(processes: Processes) -> None:
    with processes.another_auth(DOORWARD_EVENTS_MAX_STREAMS="2") as auth, ExitStack() as streams:
        for _ in range(2):
            streams.enter_context(event_stream(auth.url, processes.log_in()))
        token = processes.log_in()
        with opened(auth.url, token) as rejected:
            rejected.response.read()
            assert_problem(rejected.response, 503, "event_streams_unavailable")
            assert int(rejected.response.headers["retry-after"]) > 0
        processes.call(auth, "GET", "/api/v1/auth/me", token)
        streams.close()
        wait_until_closed(processes, auth)
        with event_stream(auth.url, token):
            pass


def test_open_streams_are_counted_and_are_no_requests_in_progress(processes: Processes) -> None:
    wait_until_closed(processes, processes.auth)
    with event_stream(processes.auth.url, processes.log_in()):
        assert processes.metric(processes.auth, STREAMS) == 1
        assert processes.metric(processes.auth, IN_PROGRESS) == 1  # this one
    wait_until_closed(processes, processes.auth)
    assert processes.metric(processes.auth, IN_PROGRESS) == 1


def test_the_log_has_a_line_for_each_stream_with_its_reason(processes: Processes) -> None:
    token = processes.log_in()
    with event_stream(processes.auth.url, token):
        pass
    session = claims_of(token)["sid"]

    def lines(event: str) -> list[dict[str, Any]]:
        logged = processes.auth.log_events()
        return [
            line
            for line in logged
            if (line.get("session_id"), line["event"]) == (session, event)
            and line.get("route") != "/api/v1/auth/token"
        ]

    wait_until(lambda: bool(lines("http.request")), "logged the request", 60)
    [ended], [request] = lines("events.stream_ended"), lines("http.request")
    assert (ended["reason"], ended["request_id"]) == ("disconnected", request["request_id"])
    assert (request["route"], request["status"]) == ("/api/v1/auth/events", 200)


def test_two_hundred_clients_that_leave_keep_nothing(processes: Processes) -> None:
    service = processes.auth
    wait_until_closed(processes, service)
    tokens = [processes.log_in() for _ in range(4)]
    descriptors = Path(f"/proc/{service.pid}/fd")
    before = len(list(descriptors.iterdir()))
    for number in range(200):
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
            token = tokens[number % len(tokens)]
            request = f"GET /api/v1/auth/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
            connection.sendall(request.encode("ascii"))
            received = b""
            while b"event: state" not in received:
                received += (chunk := connection.recv(4_096))
                # The limit of a session counts a client until the service notices that it has left.
                if b"too_many_event_streams" in received or not chunk:
                    break
    wait_until_closed(processes, service)
    wait_until(lambda: len(list(descriptors.iterdir())) <= before, "closed every connection", 60)
    assert processes.metric(service, IN_PROGRESS) == 1


def test_a_stream_whose_client_does_not_read_is_closed(processes: Processes) -> None:
    constants = {(doorward_kit.server, "UNREAD_SECONDS"): 1.0}
    with processes.another_auth(constants) as auth:
        token, reading = processes.log_in(), processes.log_in()
        event = Event.of(EventName.TOKEN_REFRESHED, text="x" * 900)
        with unread_stream(auth.port, token, buffer=2_048), event_stream(auth.url, reading) as other:
            wait_until(lambda: processes.metric(auth, STREAMS) == 2, "open", 60)
            deadline = time.monotonic() + 60
            while processes.metric(auth, STREAMS) == 2:
                assert time.monotonic() < deadline, "a client that does not read keeps its stream"
                processes.publish(token, *[event] * 16)
                time.sleep(0.2)
            other.wait_for_comment()
        assert [event for event in auth.log_events() if event["level"] == "error"] == []
