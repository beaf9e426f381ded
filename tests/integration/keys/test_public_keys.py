"""ES256: only auth holds the private key, and other services get the public key from auth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from doorward_client.keys.key_set import ES256, HS256
from doorward_client.keys.secret_strength import key_id
from doorward_kit.key_rotation import new_jwk
from integration.harness.bulk_users import Member, enrol
from integration.harness.deployment import start_alive, wait_until
from integration.harness.forgery import parts, sign
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD
from integration.harness.problems import assert_problem
from integration.keys.key_deployment import (
    CURSOR_KEY,
    KeyedDeployment,
    keyless_users,
    metric,
)
from integration.keys.mounted_secret import rotate
from integration.keys.token_tampering_keys import public_spellings
from integration.keys.tokens import signed
from support.databases import Database
from support.services import Service

ME = f"{USERS}/me"
PUBLIC_MEMBERS = {"kty", "crv", "x", "y", "alg", "use", "kid"}


@dataclass
class PublicKeys:
    """Auth with a private key, and a users service without secrets."""

    deployment: KeyedDeployment
    users: Service
    member: Member

    def __post_init__(self) -> None:
        # The users service of the deployment, which has the key set, is not started.
        self.deployment.users = self.users

    def log_in(self) -> str:
        login = {"email": self.member.email, "password": PASSWORD}
        answer = self.deployment.call("POST", f"{AUTH}/token", json=login)
        return str(answer.response.json()["access_token"])


@pytest.fixture
def unstarted(keys_database: Database, tmp_path: Path) -> Iterator[PublicKeys]:
    deployment = KeyedDeployment(keys_database, tmp_path, ES256)
    users = keyless_users(keys_database, deployment.auth, tmp_path / "keyless.log")
    yield PublicKeys(deployment, users, enrol(keys_database.url, 1)[0])
    deployment.__exit__(None, None, None)


@pytest.fixture
def public_keys(unstarted: PublicKeys) -> PublicKeys:
    unstarted.deployment.auth.start()
    unstarted.users.start()
    return unstarted


def test_the_users_service_has_no_signing_key(public_keys: PublicKeys) -> None:
    given = public_keys.users.env
    assert not given.keys() & {"DOORWARD_SECRET_KEY", "DOORWARD_JWKS", "DOORWARD_JWKS_FILE"}
    assert public_keys.deployment.document["keys"][0]["d"] not in " ".join(given.values())
    token = public_keys.log_in()
    assert public_keys.deployment.call("GET", ME, token).status == 200
    assert public_keys.deployment.call("GET", f"{USERS}?limit=1", token).status == 200


def test_without_a_pagination_secret_the_service_does_not_start(unstarted: PublicKeys) -> None:
    del unstarted.users.env["DOORWARD_PAGINATION_SECRET"]
    with pytest.raises(RuntimeError, match="DOORWARD_PAGINATION_SECRET is not set"):
        unstarted.users.start()


def test_before_the_keys_are_loaded_requests_are_503_and_not_401(unstarted: PublicKeys) -> None:
    deployment, users = unstarted.deployment, unstarted.users
    token = signed(deployment.document, unstarted.member.id)
    start_alive(users)
    wait_until(lambda: metric(users, "doorward_key_set_reload_failures_total") > 0, "asked")
    document = assert_problem(deployment.call("GET", "/readyz").response, 503, "not_ready")
    assert document["detail"] == "The keys of access tokens are not loaded yet."
    # A client would discard its tokens after a 401.
    rejected = deployment.call("GET", ME, token).response
    assert_problem(rejected, 503, "no_keys")
    assert rejected.headers["retry-after"]
    deployment.auth.start()
    deployment.wait_until_ready()
    assert deployment.call("GET", ME, token).status == 200


def test_an_outage_of_auth_after_loading_the_keys_fails_no_request(public_keys: PublicKeys) -> None:
    deployment, users = public_keys.deployment, public_keys.users
    token = signed(deployment.document, public_keys.member.id, role="user")
    admin = signed(deployment.document, enrol(deployment.database_url, 1, role="admin")[0].id)
    deployment.auth.kill9()
    before = metric(users, "doorward_key_set_reload_failures_total")
    wait_until(
        lambda: metric(users, "doorward_key_set_reload_failures_total") > before,
        "requested keys from an unavailable auth",
    )
    assert deployment.call("GET", ME, token).status == 200
    assert deployment.call("GET", "/readyz").response.text == "ok\n"
    # It reads revocations from the database itself.
    change = {"status": "disabled"}
    assert deployment.call("PATCH", public_keys.member.path, admin, json=change).status == 200
    deployment.wait_until_rejected(users, token)


def test_a_leaked_private_key_is_rejected_after_its_rotation(public_keys: PublicKeys) -> None:
    deployment = public_keys.deployment
    forged = signed(deployment.document, public_keys.member.id)
    assert [deployment.call("GET", path, forged).status for path in (f"{AUTH}/me", ME)] == [200, 200]
    deployment.auth_keys.write(rotate(deployment.document, "--leaked"))
    wait_until(
        lambda: [deployment.call("GET", path, forged).status for path in (f"{AUTH}/me", ME)] == [401, 401],
        "rejected by both",
    )
    wait_until(lambda: deployment.call("GET", ME, public_keys.log_in()).status == 200, "on")


def test_tokens_signed_with_the_public_key_are_rejected(public_keys: PublicKeys) -> None:
    good = signed(public_keys.deployment.document, public_keys.member.id, role="user")
    header, claims = parts(good)
    [published] = public_keys.deployment.call("GET", f"{AUTH}/jwks.json").response.json()["keys"]
    for name, secret in public_spellings(published):
        for changes in ({"alg": HS256}, {"alg": HS256, "kid": key_id(secret)}, {}):
            forged = sign({**header, **changes}, {**claims, "role": "admin"}, secret=secret)
            for path in (ME, f"{AUTH}/me"):
                rejected = public_keys.deployment.call("GET", path, forged).response
                assert assert_problem(rejected, 401)["code"] == "invalid_token", name
    assert public_keys.deployment.call("GET", ME, good).status == 200


def test_private_keys_are_neither_published_nor_logged(public_keys: PublicKeys) -> None:
    deployment = public_keys.deployment
    document = rotate(deployment.document, "--activate-in", "3600")
    deployment.auth_keys.write(document)

    def published() -> list[dict[str, str]]:
        keys: list[dict[str, str]] = deployment.call("GET", f"{AUTH}/jwks.json").response.json()["keys"]
        return keys

    wait_until(lambda: len(published()) == 2, "the next key published too")
    assert {key["kid"] for key in published()} == {key["kid"] for key in document["keys"]}
    assert all(key.keys() == PUBLIC_MEMBERS for key in published())
    said = deployment.auth.log_text() + public_keys.users.log_text()
    said += deployment.call("GET", f"{AUTH}/jwks.json").response.text
    for service in (deployment.auth, public_keys.users):
        said += deployment.client.get(f"{service.url}/metrics").text
    for key in document["keys"]:
        assert key["d"] not in said


def test_a_shared_secret_is_never_published(keys_database: Database, tmp_path: Path) -> None:
    deployment = KeyedDeployment(keys_database, tmp_path, HS256)
    with deployment.auth:
        assert deployment.call("GET", f"{AUTH}/jwks.json").response.json() == {"keys": []}
    deployment.client.close()


def test_a_verifying_service_can_switch_to_public_keys_at_any_time(
    keys_database: Database, tmp_path: Path
) -> None:
    """Also after a leak; otherwise it would keep the leaked key because the new set cannot sign."""
    with KeyedDeployment(keys_database, tmp_path, DOORWARD_PAGINATION_SECRET=CURSOR_KEY) as deployment:
        member = enrol(keys_database.url, 1)[0]
        forged = signed(deployment.document, member.id)
        assert deployment.call("GET", ME, forged).status == 200
        document = {"keys": [new_jwk(ES256)]}
        halves = [{name: key[name] for name in key if name != "d"} for key in document["keys"]]
        deployment.auth_keys.write(document)
        deployment.users_keys.write({"keys": halves})
        wait_until(lambda: deployment.call("GET", ME, forged).status == 401, "rejected")
        fresh = signed(document, member.id)
        wait_until(lambda: deployment.call("GET", ME, fresh).status == 200, "accepted")
        assert deployment.call("GET", f"{USERS}?limit=1", fresh).status == 200
