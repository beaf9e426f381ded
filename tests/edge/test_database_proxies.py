"""database.cfg is valid in each form that documentation and chart use."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from edge.test_edge_config import NOTHING_TO_SAY
from support.processes import inherited_environment
from support.requirements import HAPROXY, need

CONFIG: Final = Path(__file__).parents[2] / "charts" / "doorward" / "files" / "database.cfg"

ALONE: Final = {
    "DOORWARD_DATABASE_BIND": "127.0.0.1:3306",
    **{f"DOORWARD_DATABASE_NODE_{number}": f"192.0.2.{number}:3306" for number in (1, 2, 3)},
}
OF_THE_CHART: Final = {
    **ALONE,
    "DOORWARD_DATABASE_BIND": "[::]:3306",
    "DOORWARD_DATABASE_FOLLOW_NAMES": "1",
    "DOORWARD_DATABASE_SELF": "doorward-db-proxy-0",
    "DOORWARD_DATABASE_PEERS_BIND": "[::]:10000",
    "DOORWARD_DATABASE_PEER": "doorward-db-proxy-1",
    "DOORWARD_DATABASE_PEER_ADDRESS": "localhost:10000",
    "DOORWARD_DATABASE_HEALTH_BIND": "*:8404",
    "DOORWARD_DATABASE_METRICS_BIND": "[::]:8405",
    "DOORWARD_DATABASE_MAX_CONNECTIONS": "150",
}


def checked(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need(HAPROXY), "-c", "-f", CONFIG],
        env={**inherited_environment(), **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("env", [ALONE, OF_THE_CHART], ids=["alone", "of the chart"])
def test_haproxy_has_nothing_to_say(env: dict[str, str]) -> None:
    done = checked(env)
    assert (done.stdout + done.stderr).strip() in NOTHING_TO_SAY
    assert done.returncode == 0


def test_a_node_that_is_no_name_yet_does_not_stop_a_proxy_that_follows_names() -> None:
    """In a cluster a pod of the database may not be there yet."""
    unknown = {"DOORWARD_DATABASE_NODE_3": "nowhere.invalid:3306"}
    assert checked({**OF_THE_CHART, **unknown}).returncode == 0
    assert checked({**ALONE, **unknown}).returncode != 0
