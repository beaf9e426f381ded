"""A run fails when it violates a threshold, or measures nothing."""

import pytest

from load.thresholds import (
    RouteStats,
    StatsRow,
    ThresholdError,
    Thresholds,
    route_stats,
    routes_without_p95,
    row_name,
)
from load.user_session import LOGIN

ME = "GET /api/v1/users/me"


def violations(*figures: RouteStats, rules: tuple[str, ...] = ()) -> list[str]:
    return Thresholds().with_rules(rules).violations(figures)


def test_limits_that_hold_are_not_reported() -> None:
    assert violations(RouteStats(ME, requests=1000, failures=10, p95=1000)) == []


def test_p95_is_evaluated_by_route() -> None:
    good, slow = RouteStats(ME, requests=900, p95=10), RouteStats("GET /api/v1/users", requests=100, p95=1100)
    assert violations(good, slow) == ["GET /api/v1/users: p95 1100 ms, allowed 1000 ms"]


def test_few_requests_have_no_p95_but_count_errors() -> None:
    assert violations(RouteStats(ME, requests=19, p95=9_000), rules=("errors=0",)) == []
    assert violations(RouteStats(ME, requests=20, p95=9_000)) == [f"{ME}: p95 9000 ms, allowed 1000 ms"]
    assert (
        violations(RouteStats(ME, requests=19, failures=1))[0]
        == f"{ME}: 1 of 19 (5.26%) errors, allowed 1.00%"
    )


def test_errors_of_all_routes_are_limited_together() -> None:
    figures = [RouteStats(f"GET /{number}", requests=100, failures=2) for number in range(3)]
    rules = tuple(f"{figure.route} errors=0.02" for figure in figures)
    assert violations(*figures, rules=rules) == ["all routes: 6 of 300 (2.00%) errors, allowed 1.00%"]


def test_rejections_have_their_own_limit() -> None:
    burst = RouteStats(LOGIN, requests=90, rejected={"overloaded": 8, "too_many_attempts": 2})
    assert violations(burst) == [
        f"{LOGIN}: 10.00% rejected (8 overloaded, 2 too_many_attempts), allowed 5.00%",
    ]
    assert violations(burst, rules=(f"{LOGIN} rejected=0.1",)) == []


def test_the_edge_limit_always_fails_the_run() -> None:
    limited = [RouteStats(route, requests=90, rejected={"too_many_requests": 1}) for route in (LOGIN, ME)]
    [line] = violations(*limited, rules=("rejected=1",))
    assert "DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S" in line


@pytest.mark.parametrize(
    "figures",
    [
        [],
        [RouteStats(ME, requests=5, failures=5)],
        [RouteStats(LOGIN, rejected={"overloaded": 50})],
        [RouteStats(ME, expired=3)],
    ],
)
def test_a_run_without_success_fails(figures: list[RouteStats]) -> None:
    generous = ("errors=1 rejected=1",)
    assert violations(*figures, rules=generous) == [
        "all routes: no request succeeded, so nothing was measured"
    ]


def test_rules_apply_in_order_and_keep_other_limits() -> None:
    changed = Thresholds().with_rules([f"{ME} p95=50", "p95=800 errors=0", f" {LOGIN}   p95=3000  "])
    assert (changed.limits(ME).p95, changed.limits(ME).errors) == (800, 0)
    assert (changed.limits(LOGIN).p95, changed.limits(LOGIN).rejected) == (3000, 0.05)
    assert (changed.limits("GET /else").p95, changed.limits("GET /else").rejected) == (800, 0)


def test_a_named_route_without_requests_fails() -> None:
    """Otherwise a misspelt threshold would always hold."""
    lines = violations(RouteStats(ME, requests=20, p95=1), rules=("GET /api/v1/user/me p95=500",))
    assert lines == ["GET /api/v1/user/me: has a threshold, but no request was sent"]


def test_a_named_p95_with_too_few_requests_fails() -> None:
    """Otherwise a violated threshold would pass in a short run."""
    few = RouteStats(ME, requests=19, p95=1)
    assert violations(few, rules=(f"{ME} p95=500",)) == [f"{ME}: 19 requests, p95 needs 20"]
    assert violations(few, rules=(f"{ME} errors=0", "p95=500")) == []
    assert routes_without_p95([few, RouteStats(LOGIN, requests=20)]) == [ME]


@pytest.mark.parametrize(
    "rule",
    [
        *("", "p95", "p95=", "p95=fast", "p95=-1", "p95=nan", "errors=1.5", "errors=-0.1", "p99=100"),
        *("get /api/v1/users p95=1", ME, f"{ME} p95 = 500", "/api/v1/users p95=500"),
    ],
)
def test_an_invalid_rule_is_an_error(rule: str) -> None:
    with pytest.raises(ThresholdError, match="a threshold looks like"):
        Thresholds().with_rules([rule])


def test_rows_of_a_route_are_combined() -> None:
    template = "/api/v1/auth/token"
    rows = [
        StatsRow("POST", row_name(template, rejected="overloaded"), 7, 0, 3.0),
        StatsRow("GET", "/api/v1/users/{user_id}", 30, 2, 12.0),
        StatsRow("POST", row_name(template), 40, 1, 250.0),
        StatsRow("POST", row_name(template, rejected="too_many_attempts"), 2, 0, 4.0),
        StatsRow("GET", row_name("/api/v1/users/{user_id}", expired=True), 5, 0, 2.0),
    ]
    assert route_stats(rows) == [
        RouteStats(LOGIN, 40, 1, 250.0, {"overloaded": 7, "too_many_attempts": 2}),
        RouteStats("GET /api/v1/users/{user_id}", 30, 2, 12.0, expired=5),
    ]


def test_a_row_without_route_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a route"):
        route_stats([StatsRow("GET", "/api/v1/users (cached)", 1, 0, 1.0)])
