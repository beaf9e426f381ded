"""Ratios, goals, tables and the section of the document."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.peers import django_rest, doorward, keycloak, page, results
from bench.peers.measurement import Result, Sample
from bench.peers.peer import TITLES, Kind
from bench.peers.results import Report

RUN: dict[str, Any] = {
    "date": "2026-11-29",
    "seconds": 1_200,
    "quick": False,
    "users": 10_000,
    "rounds": 3,
    "window": 3.0,
    "cores": 2,
    "processor": "a processor",
    "python": "3.11",
    "database": "mariadbd",
    "java": "openjdk",
    "load_before": 0.5,
    "load_after": 2.0,
    "stolen_share": 0.0,
}
SERVERS = {doorward.NAME: {"version": "1"}, keycloak.NAME: {"version": "26"}}


def _samples(*responses: int) -> list[Sample]:
    """Return windows with two CPU-seconds of the server and one of the database each."""
    return [Sample(count, 4.0, 2.0, 1.0) for count in responses]


def _result(kind: Kind, **samples: list[Sample]) -> Result:
    names = {
        "own": doorward.NAME,
        "control": doorward.CONTROL,
        "keycloak": keycloak.NAME,
        "drf": django_rest.NAME,
    }
    found = {names[arm]: values for arm, values in samples.items()}
    return Result(kind, dict.fromkeys(found, "GET /"), found)


REFRESH = _result(
    Kind.REFRESH,
    own=_samples(1_000, 1_100, 1_200),
    control=_samples(1_000, 1_000, 1_200),
    keycloak=_samples(250, 100, 200),
    drf=_samples(250, 250, 250),
)


def test_speeds_are_those_of_the_server_and_the_database_is_apart() -> None:
    assert REFRESH.speeds(doorward.NAME) == [500.0, 550.0, 600.0]
    assert REFRESH.per_second(doorward.NAME) == pytest.approx(275.0)
    assert REFRESH.database_ms(keycloak.NAME) == pytest.approx(5.0)


def test_ratios_are_within_a_round_and_have_the_goal_of_their_pair() -> None:
    beside_keycloak, beside_drf = results.figures([REFRESH])
    assert list(beside_keycloak.values) == [4.0, 11.0, 6.0]
    assert (beside_keycloak.target, beside_keycloak.is_met) == (5.0, True)
    assert beside_drf.target == 4.0
    assert list(beside_drf.control) == pytest.approx([1.0, 1_000 / 1_100, 1.0])


def test_a_pair_without_a_goal_is_to_be_ahead() -> None:
    [figure] = results.figures(
        [_result(Kind.LOGIN, own=_samples(9, 9, 9), control=_samples(9, 9, 9), drf=_samples(10, 10, 10))]
    )
    assert (figure.target, figure.is_met) == (1.0, False)


def test_goals_are_of_peers_that_are_measured() -> None:
    names = {keycloak.NAME, django_rest.NAME}
    assert {name for _, name in results.GOALS} == names
    assert set(TITLES) == set(Kind)


def test_the_document_is_json_and_says_what_is_missing() -> None:
    found = json.loads(json.dumps(Report([REFRESH], SERVERS, {"Keycloak": "no Java"}, RUN).document()))
    assert found["not measured"] == {"Keycloak": "no Java"}
    assert found["work"]["refresh"]["samples"][doorward.NAME][0]["responses"] == 1_000
    assert [figure["met"] for figure in found["figures"]] == [True, True]
    assert Report.of(found) == Report([REFRESH], SERVERS, {"Keycloak": "no Java"}, RUN)


def test_the_page_escapes_and_leaves_the_control_out_of_the_chart() -> None:
    text = page.html(Report([REFRESH], SERVERS, {"Keycloak": "no <Java>"}, RUN))
    assert "NOT measured: Keycloak. no &lt;Java&gt;" in text
    assert doorward.CONTROL not in page.chart([REFRESH])
    assert text.count("<rect") == 3


def test_the_section_of_the_document_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- peers -->\nold\n<!-- /peers -->\nafter\n", encoding="utf-8")
    (tmp_path / "images").mkdir()
    monkeypatch.setattr(page, "_DOCUMENT", document)
    page.record(Report([REFRESH], SERVERS, {}, RUN))
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- peers -->\n\nA run of 2026-11-29: 10,000 users")
    assert text.endswith("\n<!-- /peers -->\nafter\n")
    assert "old" not in text
    assert (tmp_path / "images" / "peers.svg").exists()
