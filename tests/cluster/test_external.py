"""The chart as production has it: a database and Secrets of one's own, a key that auth alone holds."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from cluster.kube import CommandError, Namespace, Release
from cluster.people import token_header
from cluster.pods import restricted_pod

_ADMIN_PASSWORD: Final = secrets.token_urlsafe(18)
_LOGIN: Final = """
import json, sys, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:8000/api/v1/auth/token",
    data=json.dumps({"email": "admin@example.com", "password": sys.stdin.read()}).encode(),
    headers={"Content-Type": "application/json"},
)
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""


def database(root_password: str) -> list[dict[str, object]]:
    """Return a MariaDB that knows nothing of the chart."""
    labels = {"app": "database"}
    container = {
        "image": "mariadb:11.8",
        "env": [{"name": "MARIADB_ROOT_PASSWORD", "value": root_password}],
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "run", "mountPath": "/run/mysqld"},
        ],
    }
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "run", "emptyDir": {}}]
    return [
        restricted_pod("database", labels, 999, container, volumes=volumes),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "database"},
            "spec": {"selector": labels, "ports": [{"port": 3306}]},
        },
    ]


def es256_keys(folder: Path) -> str:
    """Make a key set as operators do."""
    path = folder / "keys.json"
    command = [sys.executable, "-m", "doorward", "rotate-key", "--file", str(path), "--algorithm", "ES256"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path.read_text(encoding="utf-8")


def own_secrets(root_password: str, keys: str) -> Iterator[dict[str, object]]:
    client = secrets.token_hex(24)
    values = {
        "our-keys": {"keys.json": keys, "pagination-secret": secrets.token_hex(24)},
        "our-database": {
            "root-password": root_password,
            **{f"{name}-password": secrets.token_hex(16) for name in ("owner", "auth", "users", "tickets")},
        },
        "our-service-clients": {
            "tickets-secret": client,
            "service-clients.json": json.dumps({"tickets": client}),
        },
        "our-admin": {"admin-password": _ADMIN_PASSWORD},
    }
    for name, data in values.items():
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


@pytest.fixture(scope="module")
def production(namespace: Namespace, tmp_path_factory: pytest.TempPathFactory, tag: str) -> Iterator[Release]:
    own = Namespace(f"{namespace.name}-own")
    own.create()
    folder, root_password = tmp_path_factory.mktemp("own"), secrets.token_hex(16)
    objects = [*database(root_password), *own_secrets(root_password, es256_keys(folder))]
    own.kubectl("apply", "--filename", "-", given=yaml.safe_dump_all(objects))
    small = {"replicaCount": 1, "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}}
    values = {
        "image": {"tag": tag},
        "keys": {"existingSecret": "our-keys", "shared": False},
        "database": {"existingSecret": "our-database"},
        "serviceClients": {"existingSecret": "our-service-clients"},
        "admin": {"existingSecret": "our-admin"},
        "mariadb": {"enabled": False},
        "externalDatabase": {
            "host": "database",
            "manageAccounts": True,
            "egressTo": [{"podSelector": {"matchLabels": {"app": "database"}}}],
        },
        "ingress": {"enabled": False},
        **dict.fromkeys(("auth", "users", "tickets"), small),
    }
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    release = Release(own, "doorward", path)
    release.install()
    own.rolled_out(*release.deployments)
    yield release
    own.delete()


def test_it_works(production: Release) -> None:
    assert "Phase:          Succeeded" in production.helm("test", production.name)


def test_auth_alone_holds_the_key_and_signs_with_it(production: Release) -> None:
    own = production.namespace
    said = own.kubectl(
        "exec", "--stdin", "deployment/doorward-auth", "--", "python", "-c", _LOGIN, given=_ADMIN_PASSWORD
    )
    assert token_header(json.loads(said)["access_token"])["alg"] == "ES256"
    for service in ("users", "tickets"):
        assert "keys.json" not in own.kubectl(
            "exec", f"deployment/doorward-{service}", "--", "ls", "/run/secrets/doorward"
        )


def test_services_have_no_more_rights_than_they_use(production: Release) -> None:
    own = production.namespace
    read = (
        "import os, pathlib, sqlalchemy as sa;"
        "url = sa.make_url(os.environ['DOORWARD_DATABASE_URL']);"
        "word = pathlib.Path(os.environ['DOORWARD_DATABASE_PASSWORD_FILE']).read_text();"
        "engine = sa.create_engine(url.set(password=word));"
        "print(engine.connect().execute(sa.text('SELECT password_hash FROM credentials')).all())"
    )
    assert "$argon2id$" in own.kubectl("exec", "deployment/doorward-auth", "--", "python", "-c", read)
    with pytest.raises(CommandError, match="1143"):
        own.kubectl("exec", "deployment/doorward-users", "--", "python", "-c", read)
