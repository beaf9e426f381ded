"""A service that starts while auth is unavailable accepts no token before its first revocation list."""

import json
from pathlib import Path

from integration.harness.deployment import STARTS, answers_from_the_start, start_alive, wait_until
from integration.harness.installation import AUTH, SECRET_KEY, TICKETS
from integration.harness.tickets_chain import CLIENT, new_chain
from integration.remote.own_service import REPORTS, OwnService
from support.databases import DatabaseServer
from support.probes import http_status


def test_a_service_with_its_own_key_waits_for_the_revocation_list(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    with new_chain(mariadb_server, tmp_path) as chain:
        own = OwnService(
            tmp_path / "own.log",
            auth_url=f"{chain.auth.url}{AUTH}",
            client=CLIENT,
            DOORWARD_SECRET_KEY=SECRET_KEY,
        )
        tickets = chain.tickets
        addresses = {f"{tickets.url}{TICKETS}": tickets.port}
        revoked, valid = (chain.log_in("user@example.com") for _ in range(2))
        assert chain.call("POST", f"{AUTH}/logout", revoked).status == 204
        chain.auth.kill9()
        start_alive(tickets)
        with own:
            addresses[f"{own.url}{REPORTS}"] = own.port

            def answers(token: str) -> list[tuple[int, str | None]]:
                headers = {"Authorization": f"Bearer {token}"}
                found = [chain.client.get(address, headers=headers) for address in addresses]
                return [(one.status_code, json.loads(one.text).get("code")) for one in found]

            for token in (revoked, valid):
                assert answers(token) == [(503, "revocations_unavailable")] * 2
            assert [http_status(port, "/readyz") for port in addresses.values()] == [503, 503]
            chain.auth.start()
            wait_until(
                lambda: [http_status(port, "/readyz") for port in addresses.values()] == [200, 200],
                "ready",
            )
            assert answers(revoked) == [(401, "invalid_token")] * 2
            assert answers(valid) == [(200, None)] * 2


def test_tickets_accept_no_revoked_token_from_their_start(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    with new_chain(mariadb_server, tmp_path) as chain:
        revoked = chain.log_in("user@example.com")
        assert chain.call("POST", f"{AUTH}/logout", revoked).status == 204
        for _ in range(STARTS):
            answers = answers_from_the_start(
                chain.tickets, chain.client, f"{chain.tickets.url}{TICKETS}", revoked
            )
            assert answers
            assert set(answers) <= {401, 503}, answers
            chain.tickets.kill9()
