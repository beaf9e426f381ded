"""Events that one process publishes reach the streams of every process."""

from doorward_auth.events.event import Event, EventName
from integration.events.conftest import Processes
from support.event_stream import EventReader, event_stream


def refreshed(number: int) -> Event:
    return Event.of(EventName.TOKEN_REFRESHED, provider="theapi", number=number)


def numbers(stream: EventReader, count: int) -> list[int]:
    """Wait for events; return their numbers."""
    events = [stream.next() for _ in range(count)]
    return [event[1]["number"] for event in events if event is not None]


def test_an_event_reaches_the_streams_of_every_process(processes: Processes) -> None:
    member = processes.member()
    first, second, third = processes.log_in(member), processes.log_in(member), processes.log_in()
    with (
        event_stream(processes.auth.url, first) as here,
        event_stream(processes.other_auth.url, first) as there,
        event_stream(processes.other_auth.url, second) as other_session,
        event_stream(processes.auth.url, third) as other_user,
    ):
        processes.publish(first, refreshed(1), to_session=True)
        processes.publish(first, refreshed(2))
        processes.publish(third, refreshed(3))
        assert numbers(here, 2) == numbers(there, 2) == [1, 2]
        assert numbers(other_session, 1) == [2]
        assert numbers(other_user, 1) == [3]
