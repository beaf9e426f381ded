"""Errors of event streams."""

from typing import Final

from doorward_client.errors import DoorwardError, UnavailableError

_RETRY_SECONDS: Final = 5


class TooManyEventStreamsError(DoorwardError):
    """429: the session or the user has its number of streams at this process."""

    status = 429
    code = "too_many_event_streams"
    detail = "Too many event streams of this session or user are open. Close one of them first."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(_RETRY_SECONDS)})


class EventStreamsUnavailableError(UnavailableError):
    """503: the process has its number of streams, or is about to stop. Another one may have room."""

    code = "event_streams_unavailable"
    detail = "No more event streams can be opened here at the moment. Try again shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=_RETRY_SECONDS)
