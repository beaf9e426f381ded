"""The provider's keys rotate under load: two auth processes, and clients that cache the published keys."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
import uuid_utils.compat as uuid7s

from doorward_auth.client_secrets import hash_secret
from doorward_client.keys.key_set import ES256, RS256
from doorward_identity.tables import oauth_client_secrets, oauth_clients
from doorward_kit.key_rotation import new_jwk, next_key_set, write_key_set
from integration.harness.databases import transaction_at
from integration.harness.installation import AUTH
from integration.harness.replicas import Replicas
from integration.oidc.provider import ISSUER, ORIGIN, SECRET, client_row
from support.databases import DatabaseServer

RESOURCE = "https://reports.example.com"
ALGORITHMS = (RS256, ES256)
CACHE_SECONDS = 1.0
PUBLISHED_SECONDS = 8
"""Before new keys sign: more than it takes to read the files, and the cache. Outside of tests an hour."""

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.02
"""Between the tokens of a client: a closed loop would keep every core busy while keys wait for their time."""


@dataclass
class Cluster:
    """Two auth processes, each with a key file of its own, as pods on two nodes have."""

    replicas: Replicas
    files: tuple[Path, Path]

    def url(self, at: int, path: str) -> str:
        return f"http://127.0.0.1:{self.replicas.auths[at].service.port}{AUTH}{path}"

    def write(self, document: dict[str, Any]) -> None:
        """Change the keys of one process, and a moment later those of the other."""
        write_key_set(self.files[0], document)
        time.sleep(1.0)  # the kubelets of two nodes
        write_key_set(self.files[1], document)


@pytest.fixture
def cluster(mariadb_server: DatabaseServer, tmp_path: Path) -> Iterator[Cluster]:
    files = (tmp_path / "first.json", tmp_path / "second.json")
    for path in files:
        path.touch()
    with mariadb_server.create_database("rotation") as database:
        replicas = Replicas(database, tmp_path, DOORWARD_PUBLIC_URL=ORIGIN)
        for replica, path in zip(replicas.auths, files, strict=True):
            replica.service.env["DOORWARD_OIDC_JWKS_FILE"] = str(path)
        document = {"keys": [new_jwk(algorithm) for algorithm in ALGORITHMS]}
        for path in files:
            write_key_set(path, document)
        with replicas:
            _register_machines(database.url)
            yield Cluster(replicas, files)


def _register_machines(url: str) -> None:
    with transaction_at(url) as connection:
        for algorithm in ALGORITHMS:
            row = client_row(
                algorithm.lower(),
                kind="machine",
                scopes="",
                redirect_uris="",
                audiences=RESOURCE,
                id_token_alg=algorithm,
            )
            connection.execute(oauth_clients.insert().values(row))
            secret = {"id": uuid7s.uuid7(), "oauth_client_id": row["id"], "created_at": datetime.now(UTC)}
            connection.execute(
                oauth_client_secrets.insert().values(secret_hash=hash_secret(SECRET), **secret)
            )


class CachingVerifier:
    """Verifies with the keys of one process, read again when they are older than the cache, and only then."""

    def __init__(self, http: httpx2.Client, url: str) -> None:
        self._http = http
        self._url = url
        self._read_at = -CACHE_SECONDS
        self._keys = jwt.PyJWKSet.from_dict({"keys": [new_jwk(ES256)]})

    def kid_of(self, token: str) -> str:
        """Return the id of the key that a token verifies with; raises KeyError, jwt.InvalidTokenError."""
        if time.monotonic() - self._read_at > CACHE_SECONDS:
            self._keys = jwt.PyJWKSet.from_dict(self._http.get(self._url).json())
            self._read_at = time.monotonic()
        kid = str(jwt.get_unverified_header(token)["kid"])
        jwt.decode(token, self._keys[kid], algorithms=ALGORITHMS, audience=RESOURCE, issuer=ISSUER)
        return kid


@dataclass
class Load:
    """Clients that get a token at one process and verify it with the keys of the other."""

    cluster: Cluster
    is_over: threading.Event = field(default_factory=threading.Event)
    verified: Counter[str] = field(default_factory=Counter)
    oldest: dict[str, str] = field(default_factory=dict)
    """By key, its first token."""
    failures: list[str] = field(default_factory=list)
    newest: dict[int, str] = field(default_factory=dict)
    """By client, the key of its last token."""

    def run(self, number: int) -> None:
        algorithm, at = ALGORITHMS[number % 2], number // 2 % 2
        with httpx2.Client(timeout=30, trust_env=False) as http:
            verifier = CachingVerifier(http, self.cluster.url(1 - at, "/jwks.json"))
            form = {
                "grant_type": "client_credentials",
                "client_id": algorithm.lower(),
                "client_secret": SECRET,
            }
            while not self.is_over.wait(PAUSE_SECONDS) and not self.failures:
                try:
                    token = http.post(self.cluster.url(at, "/token"), data=form).json()["access_token"]
                    kid = verifier.kid_of(token)
                except (KeyError, jwt.InvalidTokenError, httpx2.HTTPError) as error:
                    self.failures.append(f"{algorithm} of process {at}: {error!r}")
                    return
                self.verified[kid] += 1
                self.oldest.setdefault(kid, token)
                self.newest[number] = kid

    def until(self, kids: set[str]) -> None:
        """Wait until every client's newest token is of one of these keys."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.failures and (len(self.newest) < 4 or not set(self.newest.values()) <= kids):
            assert time.monotonic() < deadline, self.newest
            time.sleep(0.05)


def test_no_token_is_rejected_while_keys_rotate(cluster: Cluster) -> None:
    document = json.loads(cluster.files[0].read_bytes())
    first = {key["kid"] for key in document["keys"]}
    load = Load(cluster)
    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(load.run, number) for number in range(4)]
        try:
            load.until(first)
            signed_with = [first]
            for _ in range(2):
                document = next_key_set(document, (), now=int(time.time()), activate_in=PUBLISHED_SECONDS)
                cluster.write(document)
                new = {key["kid"] for key in document["keys"] if key.get("retire_at") is None}
                load.until(new)
                signed_with.append(new)
        finally:
            load.is_over.set()
        for client in clients:
            client.result()
    assert load.failures == []
    assert len(signed_with) == 3
    assert load.verified.keys() == set().union(*signed_with)
    for at in (0, 1):
        with httpx2.Client(timeout=30, trust_env=False) as http:
            verifier = CachingVerifier(http, cluster.url(at, "/jwks.json"))
            assert [verifier.kid_of(token) for token in load.oldest.values()] == list(load.oldest)
