"""What is measured can be chosen; a wrong choice is an error of the command line."""

import pytest

from bench.peers.__main__ import options
from bench.peers.peer import Kind


def test_everything_is_measured_by_default() -> None:
    chosen = options([])
    assert (chosen.only, chosen.users, chosen.quick) == (list(Kind), 10_000, False)
    assert chosen.peers == ["keycloak", "drf", "fastapi-users"]


def test_work_and_peers_can_be_chosen() -> None:
    chosen = options(["--only", "login", "deep-page", "--peers", "drf", "--users", "1000"])
    assert (chosen.only, chosen.peers) == ([Kind.LOGIN, Kind.DEEP_PAGE], ["drf"])
    assert options(["--peers"]).peers == []


@pytest.mark.parametrize(
    "arguments",
    [["--only", "logins"], ["--only"], ["--peers", "rauthy"], ["--users", "999"], ["--users", "x"]],
)
def test_a_wrong_choice_is_rejected(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err
