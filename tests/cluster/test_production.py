"""deploy/manifests/production, applied with kubectl: an external database, existing Secrets, an ES256 key."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from chart.manifests import FOLDER, manifests
from chart.render import CHART
from cluster.kube import SERVICES, CommandError, Namespace, kubectl
from cluster.people import token_header
from cluster.pods import restricted_pod

_SECRETS: Final = "production/secrets"
_LOGIN: Final = """
import json, sys, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:8000/api/v1/auth/token",
    data=json.dumps({"email": "admin@example.com", "password": sys.stdin.read()}).encode(),
    headers={"Content-Type": "application/json"},
)
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""


def external_database(root_password: str) -> list[dict[str, object]]:
    """Return a MariaDB without any account of the services."""
    labels = {"app": "database"}
    container = {
        "image": "docker.io/library/mariadb:11.8",
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


def production_values(image: dict[str, str]) -> dict[str, Any]:
    """Return the values of the overlay with the names of this cluster, and one small pod per service."""
    values = yaml.safe_load((FOLDER / "values-production.yaml").read_text(encoding="utf-8"))
    small = {
        "autoscaling": {"enabled": False},
        "replicaCount": 1,
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    peers = [{"podSelector": {"matchLabels": {"app": "database"}}}]
    return {
        **values,
        "image": image,
        "keys": {**values["keys"], "shared": False},
        "externalDatabase": {**values["externalDatabase"], "host": "database", "egressTo": peers},
        "ingress": {"enabled": False},
        **dict.fromkeys(SERVICES, small),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("production") / "manifests"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("secrets"))
    return folder


@pytest.fixture(scope="module")
def production(namespace: Namespace, folder: Path, image: dict[str, str]) -> Iterator[Namespace]:
    """Apply the overlay twice, as deploy/manifests/README.md says."""
    own = Namespace(f"{namespace.name}-production")
    own.create()
    root_password = secrets.token_hex(16)
    own.kubectl("apply", "--filename", "-", given=yaml.safe_dump_all(external_database(root_password)))

    values = folder / "values-production.yaml"
    values.write_text(yaml.safe_dump(production_values(image)), encoding="utf-8")
    (folder / "production" / "doorward.yaml").write_text(manifests(values), encoding="utf-8")
    (folder / _SECRETS).mkdir()
    rotate = ["-m", "doorward", "rotate-key", "--algorithm", "ES256", "--file"]
    command = [sys.executable, *rotate, str(folder / _SECRETS / "keys.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    subprocess.run(
        ["sh", folder / "make-secrets", "production"],
        env={
            "PATH": "/usr/bin:/bin",
            "DOORWARD_DATABASE_ROOT_PASSWORD": root_password,
            "DOORWARD_ADMIN_PASSWORD": secrets.token_hex(12),  # one of our own stays
        },
        check=True,
        capture_output=True,
        timeout=60,
    )
    kustomization = {"resources": ["production"], "namespace": own.name}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    for _ in range(2):
        kubectl("apply", "--kustomize", str(folder))
    own.rolled_out(*(f"doorward-{name}" for name in SERVICES))
    job = "--selector=app.kubernetes.io/component=create-admin"
    own.kubectl("wait", "job", job, "--for=condition=Complete", "--timeout=120s")
    yield own
    own.delete()


@pytest.fixture(scope="module")
def admin_password(production: Namespace) -> str:
    return production.secret("doorward-admin", "admin-password")


def test_production_passes_the_smoke_test_of_the_chart(production: Namespace, admin_password: str) -> None:
    env = {
        "SERVICES": ",".join(SERVICES),
        "SERVICE_PREFIX": "http://doorward-",
        "ADMIN_EMAIL": "admin@example.com",
        "ADMIN_PASSWORD_FILE": "/tmp/admin-password",
    }
    variables = [f"{name}={value}" for name, value in env.items()]
    script = (CHART / "files" / "smoke_test.py").read_text(encoding="utf-8")
    # In a pod that may call the other services.
    run = ["exec", "--stdin", "deployment/doorward-tickets", "--", "env", *variables, "sh", "-c"]
    start = 'cat >/tmp/admin-password; exec python -c "$0"'
    assert "the session ends" in production.kubectl(*run, start, script, given=admin_password)


def test_only_auth_has_the_private_key_and_signs_with_it(production: Namespace, admin_password: str) -> None:
    login = ["exec", "--stdin", "deployment/doorward-auth", "--", "python", "-c", _LOGIN]
    tokens = json.loads(production.kubectl(*login, given=admin_password))
    assert token_header(tokens["access_token"])["alg"] == "ES256"
    for service in ("users", "tickets"):
        files = production.kubectl(
            "exec", f"deployment/doorward-{service}", "--", "ls", "/run/secrets/doorward"
        )
        assert "keys.json" not in files


def test_a_service_has_no_privilege_that_it_does_not_use(production: Namespace) -> None:
    read = (
        "import os, pathlib, sqlalchemy as sa;"
        "url = sa.make_url(os.environ['DOORWARD_DATABASE_URL']);"
        "password = pathlib.Path(os.environ['DOORWARD_DATABASE_PASSWORD_FILE']).read_text();"
        "engine = sa.create_engine(url.set(password=password));"
        "print(engine.connect().execute(sa.text('SELECT password_hash FROM credentials')).all())"
    )
    assert "$argon2id$" in production.kubectl("exec", "deployment/doorward-auth", "--", "python", "-c", read)
    with pytest.raises(CommandError, match="1143"):
        production.kubectl("exec", "deployment/doorward-users", "--", "python", "-c", read)
