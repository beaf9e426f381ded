import pytest

from chart.queries import Read, UnreadableQueryError, reads


def read(metric: str, matched: str = "", grouped: str = "") -> Read:
    return Read(metric, frozenset(matched.split()), frozenset(grouped.split()))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", [read("up")]),
        ('up{ namespace="a{b}", service=~"(x|y)"} == 0', [read("up", "namespace service")]),
        ("sum(rate(a_total[5m])) > 1e3", [read("a_total")]),
        ('sum by (x, y) (rate(a{b="c"}[5m]))\n  / sum(d)', [read("a", "b", "x y"), read("d")]),
        (
            "topk(8, histogram_quantile(0.95, sum by (le) (a_bucket))) or b",
            [read("a_bucket", "", "le"), read("b")],
        ),
        ("max by (x) (sum by (y) (a)) unless b offset 5m", [read("a", "", "x y"), read("b")]),
    ],
)
def test_metrics_of_a_query(query: str, expected: list[Read]) -> None:
    assert reads(query) == expected


@pytest.mark.parametrize("query", ["sum(a) by (b)", "sum without (b) (a)", "a * on (b) c"])
def test_an_unsupported_query_is_an_error(query: str) -> None:
    with pytest.raises(UnreadableQueryError):
        reads(query)
