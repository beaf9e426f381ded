"""Whether a container would start with its environment."""

import base64
import json
from typing import Any

import pytest

from chart.environment import problems
from chart.manifests import FOLDER, OVERLAYS
from chart.policy import pod_spec
from chart.render import objects
from doorward_auth.settings import AuthSettings
from doorward_client.settings import DoorwardSettings
from doorward_kit.server import GIVEN_TO_ALL, unknown_variables
from doorward_tickets.settings import TicketsSettings
from doorward_users.settings import UsersSettings

DATABASE = {"name": "DOORWARD_DATABASE_URL", "value": "mysql+pymysql://doorward_auth@db/doorward"}
KEYS = {"name": "DOORWARD_JWKS_FILE", "value": "/run/secrets/doorward/keys.json"}
AUTH_URL = {"name": "DOORWARD_AUTH_URL", "value": "http://auth:8000/api/v1/auth"}
MOUNT = {"name": "secrets", "mountPath": "/run/secrets/doorward"}
CURSORS = {"name": "DOORWARD_PAGINATION_SECRET_FILE", "value": "/run/secrets/doorward/pagination-secret"}


def deployment(
    *env: dict[str, Any], files: tuple[str, ...] = ("keys.json",), image: str = "doorward/auth:1"
) -> dict[str, Any]:
    items = [{"key": name, "path": name} for name in files]
    pod = {
        "containers": [{"name": "auth", "image": image, "env": list(env), "volumeMounts": [MOUNT]}],
        "volumes": [{"name": "secrets", "projected": {"sources": [{"secret": {"items": items}}]}}],
    }
    return {"kind": "Deployment", "metadata": {"name": "auth"}, "spec": {"template": {"spec": pod}}}


def test_a_valid_environment() -> None:
    assert problems(deployment(DATABASE, KEYS)) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (deployment(KEYS), "DOORWARD_DATABASE_URL is not set"),
        (deployment(DATABASE, KEYS, files=()), "DOORWARD_JWKS_FILE names a file that cannot be read"),
        (deployment(DATABASE, AUTH_URL, image="doorward/users:1"), "DOORWARD_PAGINATION_SECRET is not set"),
        (
            deployment(
                DATABASE, KEYS, {"name": "DOORWARD_FRONTEND_URL", "value": "https://app.example.com/"}
            ),
            "DOORWARD_FRONTEND_URL",
        ),
    ],
)
def test_an_invalid_environment(found: dict[str, Any], said: str) -> None:
    (problem,) = problems(found)
    assert problem.startswith("Deployment/auth: auth: ")
    assert said in problem


def test_public_keys_and_a_pagination_secret() -> None:
    assert (
        problems(
            deployment(DATABASE, AUTH_URL, CURSORS, files=("pagination-secret",), image="doorward/users:1")
        )
        == []
    )


def test_a_file_must_be_mounted() -> None:
    found = deployment(DATABASE, KEYS)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    del container["volumeMounts"]
    (problem,) = problems(found)
    assert "/run/secrets/doorward/keys.json" in problem


def test_a_third_party_image_is_ignored() -> None:
    assert problems(deployment(image="mariadb:11.8")) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_manifests_are_valid(overlay: str) -> None:
    found = objects((FOLDER / overlay / "doorward.yaml").read_text(encoding="utf-8"))
    assert [problem for resource in found for problem in problems(resource, found)] == []


def with_upstreams() -> dict[str, Any]:
    """Return a Deployment that reads upstreams.json of a ConfigMap and the keys of a Secret."""
    found = deployment(
        DATABASE,
        KEYS,
        {"name": "DOORWARD_UPSTREAMS_FILE", "value": "/run/secrets/doorward/upstreams.json"},
        {"name": "DOORWARD_VAULT_KEYS_FILE", "value": "/run/secrets/doorward/vault-keys.json"},
    )
    sources = found["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"]
    sources.append({"configMap": {"name": "upstreams", "items": [item("upstreams.json")]}})
    sources.append({"secret": {"name": "vault", "items": [item("vault-keys.json"), item("key")]}})
    return found


def item(name: str) -> dict[str, str]:
    return {"key": name, "path": name}


def upstreams(**provider: Any) -> dict[str, Any]:
    document = json.dumps({"sso": {"adapter": "oidc", "client_id": "doorward", **provider}})
    return {
        "kind": "ConfigMap",
        "metadata": {"name": "upstreams"},
        "data": {"upstreams.json": document},
    }


ISSUER = "https://sso.example.com"
SECRET_FILE = "/run/secrets/doorward/key"


def test_upstreams_and_keys_that_are_no_part_of_the_release() -> None:
    assert problems(with_upstreams()) == []


def test_upstreams_of_the_release_name_files_that_are_mounted() -> None:
    assert problems(with_upstreams(), [upstreams(issuer=ISSUER, client_secret_file=SECRET_FILE)]) == []
    (problem,) = problems(
        with_upstreams(), [upstreams(issuer=ISSUER, client_secret_file="/run/secrets/doorward/other")]
    )
    assert "/sso/client_secret_file names a file that cannot be read" in problem


def test_an_invalid_upstream_of_the_release() -> None:
    (problem,) = problems(with_upstreams(), [upstreams(client_secret_file=SECRET_FILE)])
    assert "DOORWARD_UPSTREAMS_FILE /sso/issuer is missing" in problem


def test_keys_of_the_release_that_no_vault_accepts() -> None:
    keys = {"vault-keys.json": base64.b64encode(b'{"keys": []}').decode()}
    vault = {"kind": "Secret", "metadata": {"name": "vault"}, "data": keys}
    (problem,) = problems(with_upstreams(), [vault])
    assert "DOORWARD_VAULT_KEYS_FILE is not a JWK set" in problem


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_job_of_the_first_administrator_asks_its_secret_whether_the_password_is_temporary(
    overlay: str,
) -> None:
    text = (FOLDER / overlay / "doorward.yaml").read_text(encoding="utf-8")
    [job] = [
        found
        for found in objects(text)
        if found["kind"] == "Job" and "create-admin" in found["metadata"]["name"]
    ]
    [container] = job["spec"]["template"]["spec"]["containers"]
    env = {variable["name"]: variable for variable in container["env"]}
    reference = {"name": "doorward-admin", "key": "password-must-change", "optional": True}
    assert env["DOORWARD_ADMIN_PASSWORD_MUST_CHANGE"]["valueFrom"] == {"secretKeyRef": reference}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", [AuthSettings, UsersSettings, TicketsSettings])
@pytest.mark.usefixtures("without_variables")
def test_a_service_knows_the_variables_that_it_gets(
    overlay: str, service: type[DoorwardSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    component = service.__name__.removesuffix("Settings").lower()
    found = objects((FOLDER / overlay / "doorward.yaml").read_text(encoding="utf-8"))
    (pod,) = [
        pod_spec(resource)
        for resource in found
        if resource["kind"] == "Deployment" and resource["metadata"]["name"] == f"doorward-{component}"
    ]
    given = [variable["name"] for container in pod["containers"] for variable in container["env"]]
    assert "DOORWARD_DATABASE_URL" in given
    for name in given:
        monkeypatch.setenv(name, "x")
    assert unknown_variables(service, *GIVEN_TO_ALL) == []
