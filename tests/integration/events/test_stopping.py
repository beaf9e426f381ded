"""A process that stops tells its streams, and does not wait for them."""

import signal

from integration.events.conftest import Processes
from integration.harness.deployment import wait_until
from support.event_stream import event_stream, opened
from support.probes import http_status


def test_a_stopping_process_says_bye_and_ends(processes: Processes) -> None:
    with processes.another_auth() as auth:
        process = auth._child
        assert process is not None
        with (
            event_stream(auth.url, processes.log_in()) as first,
            event_stream(auth.url, processes.log_in()) as second,
        ):
            process.send_signal(signal.SIGTERM)
            assert first.rest() == second.rest() == ["bye"]
        assert process.wait(60) == 0
        auth._child = None
        events = auth.log_events()
        assert events[-1]["event"] == "server.stopped"
        reasons = [event["reason"] for event in events if event["event"] == "events.stream_ended"]
        assert reasons == ["shutdown", "shutdown"]
        # uvicorn's, when a request outlasts the grace period.
        assert not [event for event in events if event["level"] in {"error", "critical"}]


def test_a_draining_process_keeps_its_streams_until_proxies_send_new_ones_elsewhere(
    processes: Processes,
) -> None:
    with processes.another_auth(DOORWARD_SHUTDOWN_DELAY_SECONDS="3600") as auth:
        process = auth._child
        assert process is not None
        token = processes.log_in()
        with event_stream(auth.url, token) as stream:
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: http_status(auth.port, "/readyz") == 503, "unready", 60)
            stream.wait_for_comment()
            with event_stream(auth.url, token) as late:
                late.wait_for_comment()
                process.send_signal(signal.SIGTERM)  # the delay is over
                assert stream.rest() == late.rest() == ["bye"]
        assert process.wait(60) == 0
        auth._child = None


def test_clients_find_another_process(processes: Processes) -> None:
    token = processes.log_in()
    with processes.another_auth() as auth, event_stream(auth.url, token) as stream:
        process = auth._child
        assert process is not None
        process.send_signal(signal.SIGTERM)
        assert stream.rest() == ["bye"]
        with opened(processes.other_auth.url, token) as elsewhere:
            assert elsewhere.next_name() == "state"
        assert process.wait(60) == 0
        auth._child = None
