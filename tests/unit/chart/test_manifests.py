"""deploy/manifests and the secrets of make-secrets."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.manifests import FOLDER, OVERLAYS, without_helm
from chart.mounted_files import mounted_files
from chart.policy import pod_spec
from doorward_client.keys.key_set import KeySet

ROOT_PASSWORD = {"DOORWARD_DATABASE_ROOT_PASSWORD": "of-your-database"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of deploy/manifests without secrets."""
    copy = tmp_path / "manifests"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets"))
    return copy


def _make(folder: Path, overlay: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", folder / "make-secrets", overlay],
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def _secrets(folder: Path, overlay: str) -> dict[str, str]:
    found = (folder / overlay / "secrets").iterdir()
    return {path.name: path.read_text(encoding="utf-8") for path in found}


def _objects(overlay: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / overlay / "doorward.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_make_secrets_creates_what_kustomize_reads(folder: Path, overlay: str) -> None:
    assert _make(folder, overlay, ROOT_PASSWORD).returncode == 0
    kustomization = yaml.safe_load((folder / overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    taken = {name for secret in kustomization["secretGenerator"] for name in secret["files"]}
    assert taken == {f"secrets/{name}" for name in _secrets(folder, overlay)}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kustomize_creates_the_secrets_of_the_manifests(overlay: str) -> None:
    kustomization = yaml.safe_load((FOLDER / overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    made = {secret["name"] for secret in kustomization["secretGenerator"]}
    text = (FOLDER / overlay / "doorward.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:secretName|secretKeyRef:\n +name|secret:\n +name): (\S+)", text))
    assert made <= named
    assert named - made <= {"doorward-tls"}  # the operator provides the certificate of the ingress


def test_the_secrets_are_valid_and_consistent(folder: Path) -> None:
    _make(folder, "dev")
    secrets = _secrets(folder, "dev")
    KeySet.parse(secrets["keys.json"])  # raises when it is not one
    assert json.loads(secrets["service-clients.json"]) == {"tickets": secrets["tickets-secret"]}
    assert len(set(secrets.values())) == len(secrets)
    assert all(not text.endswith("\n") for text in secrets.values())
    for name in ("tickets-secret", "pagination-secret", "root-password", "auth-password"):
        assert len(secrets[name]) >= 32
    assert {path.stat().st_mode & 0o077 for path in (folder / "dev" / "secrets").iterdir()} == {0}


def test_secrets_are_random_and_never_overwritten(folder: Path) -> None:
    _make(folder, "dev")
    _make(folder, "production", ROOT_PASSWORD)
    first, other = _secrets(folder, "dev"), _secrets(folder, "production")
    assert set(first.values()) & set(other.values()) == {"true"}  # that the passwords are generated
    (folder / "dev" / "secrets" / "admin-password").unlink()
    assert _make(folder, "dev").returncode == 0
    second = _secrets(folder, "dev")
    assert {name for name in first if first[name] != second[name]} == {"admin-password"}


def test_production_requires_the_password_of_its_database(folder: Path) -> None:
    rejected = _make(folder, "production")
    assert rejected.returncode == 1
    assert "DOORWARD_DATABASE_ROOT_PASSWORD is not set" in rejected.stderr
    assert not (folder / "production" / "secrets").exists()
    assert _make(folder, "production", ROOT_PASSWORD).returncode == 0
    assert _secrets(folder, "production")["root-password"] == "of-your-database"


@pytest.mark.parametrize("arguments", ["", "staging"])
def test_an_unknown_overlay_is_rejected(folder: Path, arguments: str) -> None:
    assert _make(folder, arguments).returncode == 2


def test_labels_and_annotations_of_helm_are_removed() -> None:
    found = {
        "metadata": {
            "labels": {"helm.sh/chart": "doorward-1", "app.kubernetes.io/managed-by": "Helm", "a": "b"},
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "template": {"metadata": {"annotations": {"helm.sh/x": "y", "kept": "1"}}},
            "args": [1, "-"],
        },
    }
    assert without_helm(found) == {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"template": {"metadata": {"annotations": {"kept": "1"}}}, "args": [1, "-"]},
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_manifests_contain_neither_helm_nor_secrets(overlay: str) -> None:
    objects = _objects(overlay)
    assert "helm.sh/" not in json.dumps(objects)
    assert "Secret" not in {found["kind"] for found in objects}
    assert {found["metadata"]["labels"]["app.kubernetes.io/component"] for found in objects}.isdisjoint(
        {"test"}
    )


def test_production_has_an_external_database_and_scales_every_service() -> None:
    objects = _objects("production")
    assert "StatefulSet" not in {found["kind"] for found in objects}
    scaled = {found["spec"]["scaleTargetRef"]["name"] for found in objects if "Autoscaler" in found["kind"]}
    assert scaled == {found["metadata"]["name"] for found in objects if found["kind"] == "Deployment"}


def test_a_generated_password_is_temporary_and_a_chosen_one_stays(folder: Path) -> None:
    _make(folder, "dev")
    assert _secrets(folder, "dev")["password-must-change"] == "true"
    (folder / "dev" / "secrets" / "admin-password").unlink()
    _make(folder, "dev", {"DOORWARD_ADMIN_PASSWORD": "correct horse battery staple"})
    assert _secrets(folder, "dev")["password-must-change"] == "false"


def test_the_job_of_clients_knows_which_ids_are_taken_and_which_addresses_are_allowed() -> None:
    """What auth rejects at its API, the Job rejects, too."""
    pods = {pod["containers"][0]["name"]: pod for pod in map(pod_spec, _objects("production")) if pod}
    auth, job = (_variables(pods[name]) for name in ("auth", "clients"))
    names = ("DOORWARD_PUBLIC_URL", "DOORWARD_ISSUER", "DOORWARD_OAUTH_CLIENTS_FILE")
    assert [job.get(name) for name in names] == [auth.get(name) for name in names]
    files = dict(mounted_files(pods["clients"], ()))
    assert job["DOORWARD_OAUTH_CLIENTS_FILE"].removeprefix("/run/secrets/doorward/") in files


def _variables(pod: dict[str, Any]) -> dict[str, str]:
    (container,) = pod["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}
