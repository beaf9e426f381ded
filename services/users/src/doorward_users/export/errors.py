"""Errors of exports."""

from typing import Final

from doorward_client.errors import DoorwardError, UnavailableError

_RETRY_SECONDS: Final = 30


class NotAcceptableError(DoorwardError):
    """406: `Accept` names no media type that an export has."""

    status = 406
    code = "not_acceptable"
    detail = (
        "The export is `application/jsonl` (also `application/x-ndjson`) or `text/csv`. Accept one of these."
    )


class ExportRunningError(DoorwardError):
    """429: the caller has an export at this process already."""

    status = 429
    code = "export_running"
    detail = "Your export of the directory is still running. Wait for its end, or close it."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(_RETRY_SECONDS)})


class ExportsUnavailableError(UnavailableError):
    """503: the process has its number of exports."""

    code = "exports_unavailable"
    detail = "No more exports can be started here at the moment. Try again shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=_RETRY_SECONDS)
