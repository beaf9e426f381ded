"""The outage after a node's failure, as a sum of what is configured, whatever the speed of the machine is."""

import re
from pathlib import Path
from typing import Final

import pytest

from galera.cluster import PROVIDER

ROOT: Final = Path(__file__).parents[3]
PROXY: Final = (ROOT / "charts" / "doorward" / "files" / "database.cfg").read_text(encoding="utf-8")
[IN_PODS] = re.findall(
    r"--wsrep-provider-options=\"(.+)\"",
    (ROOT / "tests" / "cluster" / "galera" / "node.sh").read_text(encoding="utf-8"),
)
[DOCUMENTED] = re.findall(
    r"^wsrep_provider_options = (.+)$",
    (ROOT / "docs" / "databases.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)

PROMISED_SECONDS: Final = 5.0
"""The longest time for which all answers are 503, as docs/databases.md promises."""

of_each_cluster: Final = pytest.mark.parametrize(
    "options", [PROVIDER, IN_PODS, DOCUMENTED], ids=["tested", "in pods", "documented"]
)

_UNITS: Final = {"ms": 0.001, "s": 1.0}


def of_haproxy(keyword: str) -> float:
    """Return a time of HAProxy's configuration in seconds, or a number."""
    [(value, unit)] = set(re.findall(rf"^\s+(?!#).*\b{keyword} (\d+)(ms|s)?\b", PROXY, re.MULTILINE))
    return int(value) * _UNITS.get(unit, 1.0)


def of_galera(options: str, name: str) -> float:
    """Return a time of `wsrep_provider_options` in seconds."""
    [seconds] = set(re.findall(rf"{re.escape(name)}=PT([\d.]+)S", options))
    return float(seconds)


def seconds_until_down(*, check: float) -> float:
    """Return the time until HAProxy calls a node down, whose checks end after `check` seconds."""
    falls = of_haproxy("fall")
    return of_haproxy("inter") + check + (falls - 1) * (of_haproxy("fastinter") + check)


@of_each_cluster
@pytest.mark.parametrize(
    "is_frozen", [True, False], ids=["frozen: checks time out", "cut off: checks say so"]
)
def test_a_failover_ends_within_the_promise(options: str, *, is_frozen: bool) -> None:
    """The other nodes go on without a node that is silent; HAProxy leaves a node that is not synchronized."""
    cluster = of_galera(options, "evs.inactive_timeout") + of_galera(options, "evs.inactive_check_period")
    proxy = seconds_until_down(check=of_haproxy("timeout check") if is_frozen else 0.0)
    # A silent node fails its checks at once, a cut-off one after it has noticed the silence of the others.
    known = max(cluster, proxy) if is_frozen else cluster + proxy
    assert known + of_haproxy("timeout connect") <= PROMISED_SECONDS


@of_each_cluster
def test_a_silent_node_is_suspected_before_it_must_leave(options: str) -> None:
    silent = of_galera(options, "evs.suspect_timeout")
    assert of_galera(options, "evs.keepalive_period") < silent < of_galera(options, "evs.inactive_timeout")


@of_each_cluster
def test_members_repeat_a_lost_message_before_they_suspect_each_other(options: str) -> None:
    """Otherwise the return of a frozen node leaves the cluster without a majority for 5 to 19 seconds."""
    repeated = of_galera(options, "evs.join_retrans_period")
    assert 2 * repeated < of_galera(options, "evs.suspect_timeout")


def test_connections_to_a_node_that_is_down_are_closed() -> None:
    """Otherwise each would wait for its own time-out."""
    assert "on-marked-down shutdown-sessions" in PROXY
