"""A run that did not hold its limits fails, and so does one that measured nothing."""

import pytest

from load.session import LOGIN
from load.thresholds import Figures, Row, ThresholdError, Thresholds, figures_of, row_name

ME = "GET /api/v1/users/me"


def broken(*figures: Figures, rules: tuple[str, ...] = ()) -> list[str]:
    return Thresholds().changed(rules).broken(figures)


def test_what_holds_is_not_mentioned() -> None:
    assert broken(Figures(ME, requests=1000, failures=10, p95=1000)) == []


def test_p95_is_judged_by_route() -> None:
    good, slow = Figures(ME, requests=900, p95=10), Figures("GET /api/v1/users", requests=100, p95=1100)
    assert broken(good, slow) == ["GET /api/v1/users: p95 1100 ms, allowed 1000 ms"]


def test_p95_of_a_handful_is_not_judged_and_errors_are() -> None:
    assert broken(Figures(ME, requests=19, p95=9_000), rules=("errors=0",)) == []
    assert broken(Figures(ME, requests=20, p95=9_000)) == [f"{ME}: p95 9000 ms, allowed 1000 ms"]
    assert broken(Figures(ME, requests=19, failures=1))[0] == f"{ME}: 1 of 19 (5.26%) errors, allowed 1.00%"


def test_errors_that_no_route_alone_has_too_many_of_count_together() -> None:
    figures = [Figures(f"GET /{number}", requests=100, failures=2) for number in range(3)]
    rules = tuple(f"{one.route} errors=0.02" for one in figures)
    assert broken(*figures, rules=rules) == ["all routes: 6 of 300 (2.00%) errors, allowed 1.00%"]


def test_refusals_are_no_errors_and_have_a_limit_of_their_own() -> None:
    storm = Figures(LOGIN, requests=90, refused={"overloaded": 8, "too_many_attempts": 2})
    assert broken(storm) == [
        f"{LOGIN}: 10.00% refused (8 overloaded, 2 too_many_attempts), allowed 5.00%",
    ]
    assert broken(storm, rules=(f"{LOGIN} refused=0.1",)) == []


def test_the_limit_of_the_edge_is_never_what_was_to_be_measured() -> None:
    limited = [Figures(route, requests=90, refused={"too_many_requests": 1}) for route in (LOGIN, ME)]
    [line] = broken(*limited, rules=("refused=1",))
    assert "DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S" in line


@pytest.mark.parametrize(
    "figures",
    [
        [],
        [Figures(ME, requests=5, failures=5)],
        [Figures(LOGIN, refused={"overloaded": 50})],
        [Figures(ME, expired=3)],
    ],
)
def test_a_run_that_measured_nothing_fails(figures: list[Figures]) -> None:
    generous = ("errors=1 refused=1",)
    assert broken(*figures, rules=generous) == ["all routes: nothing was answered, so nothing was measured"]


def test_rules_apply_in_their_order_and_leave_the_rest() -> None:
    changed = Thresholds().changed([f"{ME} p95=50", "p95=800 errors=0", f" {LOGIN}   p95=3000  "])
    assert (changed.limits(ME).p95, changed.limits(ME).errors) == (800, 0)
    assert (changed.limits(LOGIN).p95, changed.limits(LOGIN).refused) == (3000, 0.05)
    assert (changed.limits("GET /else").p95, changed.limits("GET /else").refused) == (800, 0)


def test_a_route_that_was_named_and_not_asked_for_fails() -> None:
    """Or a misspelt threshold would hold for ever."""
    lines = broken(Figures(ME, requests=20, p95=1), rules=("GET /api/v1/user/me p95=500",))
    assert lines == ["GET /api/v1/user/me: has a threshold, and nobody asked for it"]


def test_a_p95_that_was_named_and_cannot_be_judged_fails() -> None:
    """Or a threshold that does not hold would pass in a short run."""
    few = Figures(ME, requests=19, p95=1)
    assert broken(few, rules=(f"{ME} p95=500",)) == [f"{ME}: 19 requests, p95 is judged from 20 on"]
    assert broken(few, rules=(f"{ME} errors=0", "p95=500")) == []
    assert Thresholds().unjudged([few, Figures(LOGIN, requests=20)]) == [ME]


@pytest.mark.parametrize(
    "rule",
    [
        *("", "p95", "p95=", "p95=fast", "p95=-1", "p95=nan", "errors=1.5", "errors=-0.1", "p99=100"),
        *("get /api/v1/users p95=1", ME, f"{ME} p95 = 500", "/api/v1/users p95=500"),
    ],
)
def test_what_is_no_threshold_is_said_so(rule: str) -> None:
    with pytest.raises(ThresholdError, match="a threshold looks like"):
        Thresholds().changed([rule])


def test_rows_of_a_route_are_put_together() -> None:
    template = "/api/v1/auth/token"
    rows = [
        Row("POST", row_name(template, refused="overloaded"), 7, 0, 3.0),
        Row("GET", "/api/v1/users/{user_id}", 30, 2, 12.0),
        Row("POST", row_name(template), 40, 1, 250.0),
        Row("POST", row_name(template, refused="too_many_attempts"), 2, 0, 4.0),
        Row("GET", row_name("/api/v1/users/{user_id}", expired=True), 5, 0, 2.0),
    ]
    assert figures_of(rows) == [
        Figures(LOGIN, 40, 1, 250.0, {"overloaded": 7, "too_many_attempts": 2}),
        Figures("GET /api/v1/users/{user_id}", 30, 2, 12.0, expired=5),
    ]


def test_a_row_that_is_no_route_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a route"):
        figures_of([Row("GET", "/api/v1/users (cached)", 1, 0, 1.0)])
