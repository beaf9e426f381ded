"""Progress on a terminal and in a log."""

import io

import pytest

from doorward.progress import BAR_SECONDS, LINE_SECONDS, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_terminal_shows_a_bar(clock: Clock) -> None:
    stream = Terminal()
    progress = Progress("importing", 1_000, stream, clock=clock)
    progress.update(1, 1)
    assert stream.getvalue() == "", "not yet"
    clock.now += 10
    progress.update(250, 20_000)
    assert stream.getvalue() == (
        "\rimporting [########                      ]  25% 20,000 users, 2,000/s, 0:30 left\x1b[K"
    )
    stream.truncate(0)
    clock.now += BAR_SECONDS / 2
    progress.update(300, 20_001)
    assert stream.getvalue() == ""
    progress.finish(30_000)
    assert stream.getvalue().endswith("100% 30,000 users, 2,970/s\x1b[K\n")


def test_elsewhere_a_line_is_written_now_and_then(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress("importing", 1_000, stream, clock=clock)
    clock.now += LINE_SECONDS - 1
    progress.update(100, 10)
    assert stream.getvalue() == ""
    clock.now += 1
    progress.update(1, 20_000)
    assert stream.getvalue() == "doorward: importing: 0%, 20,000 users, 2,000/s, 2:46:30 left\n"
    progress.finish(30_000)
    assert stream.getvalue().count("\n") == 1


def test_an_unknown_total_has_no_time_left(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress("exporting", 0, stream, clock=clock)
    clock.now += LINE_SECONDS
    progress.update(0, 20_000)
    assert stream.getvalue() == "doorward: exporting: 0%, 20,000 users, 2,000/s\n"
