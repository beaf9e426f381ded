"""Effects of key changes on earlier tokens, refresh retries and cursors."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from doorward_client.keys.key_set import ES256, HS256
from doorward_kit.key_rotation import new_jwk
from integration.harness.bulk_users import Member, enrol
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD
from integration.harness.problems import assert_problem
from integration.harness.revocation_reads import HANG_SECONDS
from integration.keys.damaged_key_sets import DAMAGED_KEY_SETS
from integration.keys.key_deployment import KeyedDeployment, metric
from integration.keys.mounted_secret import KeyDocument, activating, newest, rotate, without
from integration.keys.tokens import header_of, signed
from support.databases import DatabaseServer

PLACES = (f"{AUTH}/me", f"{USERS}/me")
SOON = ("--activate-in", "3")

Tokens = dict[str, Any]


@pytest.fixture(scope="module")
def services(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KeyedDeployment]:
    folder = tmp_path_factory.mktemp("keys")
    with (
        mariadb_server.create_database("keys") as database,
        KeyedDeployment(database, folder, DOORWARD_REFRESH_GRACE_SECONDS="60") as services,
    ):
        yield services


@pytest.fixture(scope="module")
def member(services: KeyedDeployment) -> Member:
    return enrol(services.database_url, 5)[0]


def tokens_of(services: KeyedDeployment, path: str, **body: str) -> Tokens:
    response = services.call("POST", f"{AUTH}/{path}", json=body).response
    assert response.status_code == 200, response.text
    tokens: Tokens = response.json()
    return tokens


def log_in(services: KeyedDeployment, member: Member) -> Tokens:
    return tokens_of(services, "token", email=member.email, password=PASSWORD)


def refresh(services: KeyedDeployment, tokens: Tokens) -> Tokens:
    return tokens_of(services, "refresh-token", refresh_token=tokens["refresh_token"])


def kid_of(tokens: Tokens) -> str:
    return str(header_of(tokens["access_token"])["kid"])


def statuses(services: KeyedDeployment, token: str) -> list[int]:
    return [services.call("GET", path, token).status for path in PLACES]


def start_with(services: KeyedDeployment, member: Member, document: KeyDocument) -> None:
    """Give both services a key set and wait until both use it."""
    services.write(document)

    def both_do() -> bool:
        tokens = log_in(services, member)
        return kid_of(tokens) == newest(document) and statuses(services, tokens["access_token"]) == [200, 200]

    wait_until(both_do, "work with the new keys")


@pytest.mark.parametrize("algorithm", [HS256, ES256])
def test_a_leaked_key_is_rejected_everywhere_and_sessions_continue(
    services: KeyedDeployment, member: Member, algorithm: str
) -> None:
    start_with(services, member, {"keys": [new_jwk(algorithm)]})
    victim = log_in(services, member)
    forged = signed(services.document, member.id)
    assert statuses(services, forged) == [200, 200]
    services.write(rotate(services.document, "--leaked"))
    wait_until(lambda: statuses(services, forged) == [401, 401], "rejected by both")
    assert statuses(services, victim["access_token"]) == [401, 401]
    successor = refresh(services, victim)
    assert header_of(successor["access_token"])["alg"] == algorithm
    assert statuses(services, successor["access_token"]) == [200, 200]


def test_a_refresh_retry_returns_the_same_successor_after_a_key_change(
    services: KeyedDeployment, member: Member
) -> None:
    start_with(services, member, {"keys": [new_jwk(HS256)]})
    first = log_in(services, member)
    document = rotate(services.document, "--algorithm", ES256, "--activate-in", "3600")
    document = activating(document, newest(document), 3)
    services.write(document)
    lost = refresh(services, first)
    assert kid_of(lost) == newest(services.document | without(document, newest(document)))
    successors = {lost["refresh_token"]}

    def signs_with_the_new_key() -> bool:
        again = refresh(services, first)
        successors.add(again["refresh_token"])
        return kid_of(again) == newest(document)

    wait_until(signs_with_the_new_key, "the new key signs")
    assert successors == {lost["refresh_token"]}
    # The session continues with a successor that is derived from the new key.
    following = refresh(services, lost)
    assert refresh(services, lost)["refresh_token"] == following["refresh_token"]


def test_a_cursor_is_valid_until_its_key_is_removed(services: KeyedDeployment, member: Member) -> None:
    start_with(services, member, {"keys": [new_jwk(HS256)]})

    def page(cursor: str | None) -> Any:
        token = log_in(services, member)["access_token"]
        parameters = {"limit": "2", "sort": "name", **({"cursor": cursor} if cursor else {})}
        return services.call("GET", USERS, token, params=parameters).response

    old = newest(services.document)
    cursor = page(None).json()["next_cursor"]
    expected = page(cursor).json()["items"]
    assert len(expected) == 2
    start_with(services, member, rotate(services.document, *SOON))
    assert page(cursor).json()["items"] == expected
    wait_until(lambda: page(None).json()["next_cursor"] != cursor, "a cursor of the new key")
    renewed = page(None).json()["next_cursor"]
    start_with(services, member, without(services.document, old))
    wait_until(lambda: page(cursor).status_code == 400, "the old key gone")
    assert_problem(page(cursor), 400, "invalid_cursor")
    assert page(renewed).json()["items"] == expected


def test_damaged_key_files_are_ignored(services: KeyedDeployment, member: Member) -> None:
    start_with(services, member, {"keys": [new_jwk(HS256)]})
    good = json.dumps(services.document).encode("utf-8")
    began = log_in(services, member)
    changed = []
    for name, damage in DAMAGED_KEY_SETS.items():
        counts = failures(services)
        for mounted in (services.auth_keys, services.users_keys):
            mounted.write_bytes(damage(good))
        noticed = wait_for_more_failures(services, counts)
        began = refresh(services, began)
        fine = kid_of(began) == newest(services.document) and services.probe("/readyz") == [200, 200]
        if not (noticed and fine and statuses(services, began["access_token"]) == [200, 200]):
            changed.append(name)
    assert changed == []
    start_with(services, member, {"keys": [new_jwk(HS256)]})


def test_auth_rejects_key_sets_without_a_signing_key(services: KeyedDeployment, member: Member) -> None:
    start_with(services, member, {"keys": [new_jwk(ES256)]})
    halves = [
        {name: value for name, value in key.items() if name != "d"} for key in services.document["keys"]
    ]
    before = metric(services.auth, "doorward_key_set_reload_failures_total")
    services.auth_keys.write({"keys": halves})
    wait_until(lambda: metric(services.auth, "doorward_key_set_reload_failures_total") > before, "noticed")
    assert kid_of(log_in(services, member)) == newest(services.document)


def failures(services: KeyedDeployment) -> list[float]:
    return [metric(service, "doorward_key_set_reload_failures_total") for service in services.services]


def wait_for_more_failures(services: KeyedDeployment, before: list[float]) -> bool:
    """Whether both services report an unusable file."""
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline:
        if all(now > then for now, then in zip(failures(services), before, strict=True)):
            return True
        time.sleep(0.05)
    return False


def test_keys_are_not_logged(services: KeyedDeployment) -> None:
    """Runs last, after valid, leaked and damaged key sets."""
    for service in services.services:
        log = service.log_text()
        assert "jwks.loaded" in log
        for key in services.document["keys"]:
            assert key.get("k") or key["d"] not in log
