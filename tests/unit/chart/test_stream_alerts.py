"""When the alerts of errors and of event streams fire, as promtool evaluates them."""

from pathlib import Path
from typing import Final

import pytest

from chart.firing import is_firing, series

ERRORS: Final = "DoorwardHighErrorRate"
FULL: Final = "DoorwardEventStreamsFull"
EVENTS: Final = "/api/v1/auth/events"


def requests(route: str, status: str) -> str:
    return series("doorward_http_requests_total", service="auth", route=route, status=status)


GOOD: Final = {requests("/api/v1/auth/me", "200"): "0+90x60"}


@pytest.mark.parametrize(
    ("route", "status", "fires"),
    [
        ("/api/v1/auth/me", "503", True),
        ("/api/v1/auth/me", "500", True),
        (EVENTS, "500", True),
        (EVENTS, "503", False),
        (EVENTS, "429", False),
    ],
)
def test_rejected_event_streams_are_no_errors(
    tmp_path: Path, route: str, status: str, *, fires: bool
) -> None:
    assert is_firing(tmp_path, ERRORS, {**GOOD, requests(route, status): "0+10x60"}, 20) is fires


@pytest.mark.parametrize(("limit", "fires"), [("process", True), ("session", False), ("user", False)])
def test_full_pods_are_an_alert_of_their_own(tmp_path: Path, limit: str, *, fires: bool) -> None:
    rejected = series("doorward_event_streams_refused_total", limit=limit)
    assert is_firing(tmp_path, FULL, {rejected: "0+1x60"}, 20) is fires
    assert not is_firing(tmp_path, FULL, {rejected: "0x10 1x60"}, 20), "a single one"
