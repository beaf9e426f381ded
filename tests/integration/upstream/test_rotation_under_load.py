"""`doorward rotate-vault` while processes refresh the same grants."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward import vault_rotation
from doorward.vault_rotation import VaultRotation
from doorward_auth.upstream.grants.models import GrantState
from doorward_identity.tables import upstream_grants
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database
from integration.harness.races import until
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.processes import ForkedScript
from integration.upstream.rotating_upstream import SocketAdapter, UpstreamServer
from integration.upstream.vault_keys import keys_of_grants, kids, run


@pytest.mark.databases("mariadb")
async def test_a_rotation_under_load_loses_no_grant(
    grant_urls: Callable[[str], str],
    backend: str,
    keys: Path,
    server: UpstreamServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two processes refresh all grants all the time, while the key changes and the old one is dropped.

    The minutes between the steps are seconds here: each begins once both processes have read the file.
    """
    monkeypatch.setattr(vault_rotation, "DROP_AFTER_SECONDS", 2)
    grant_setup = GrantSetup(grant_urls(backend), keys, SocketAdapter(server.port))
    grant_setup.wipe()
    settings = DatabaseSettings(database_url=SecretStr(grant_setup.url))
    database = Database(settings, Metrics(), pool_size=1, timeout=60)
    server.upstream.expires_in = 1
    for _ in range(20):
        grant_setup.store(server.upstream.issue(), grant_setup.open_session())
    [old] = kids(keys)
    arguments = [grant_setup.url, keys, server.port]
    loads = [ForkedScript("refresh_all", arguments, folder=tmp_path) for _ in range(2)]
    with loads[0], loads[1]:
        for load in loads:
            load.wait_for_log("round")
        run(database, keys, "--activate-in", "1", "--no-wait")
        [new, *_] = kids(keys)
        for load in loads:
            load.wait_for_log("round with 2 keys")
        rotation = VaultRotation(keys, database)
        await until(lambda: rotation.pending is None, "sealing with the new key")
        # Without the option, a run that finds nothing left to seal begins the next rotation.
        run(database, keys, "--seal-only")
        await further_rounds(loads)  # so nothing that was sealed before is still to be stored
        await until(lambda: rotation.reseal().resealed == 0 and not rotation.drop_unused(), "dropped")
        await further_rounds(loads)
        reports = [report_of(load) for load in loads]
    assert kids(keys) == [new]
    assert old != new
    assert keys_of_grants(grant_setup) == {new}
    for report in reports:
        assert set(report["outcomes"]) <= {"refreshed"}, report
        # A token of one second may have expired before its caller sees it.
        assert set(report["statuses"]) <= {"fresh", "pending"}, report
    assert {row[0] for row in grant_setup.execute(sa.select(upstream_grants.c.state))} == {GrantState.ACTIVE}
    assert len(server.upstream.requests) == len(set(server.upstream.requests)) > 20
    database.dispose()
    grant_setup.close()


async def further_rounds(loads: Sequence[ForkedScript]) -> None:
    """Wait until each process has begun and ended a round."""
    rounds = [load.log_text().count("round") for load in loads]
    await until(
        lambda: all(
            load.log_text().count("round") > count + 1 for load, count in zip(loads, rounds, strict=True)
        ),
        "refreshed since",
    )


def report_of(load: ForkedScript) -> dict[str, Any]:
    load.stop()
    report: dict[str, Any] = json.loads(load.wait_for_log('{"outcomes"')[-1])
    return report
