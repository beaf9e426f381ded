"""The procedures of docs/operations.md, run as documented."""

import re
from pathlib import Path

import httpx2
import pytest

from cluster.documented import Shell, commands
from cluster.kube import Namespace, Release
from cluster.people import USERS, Person, bearer, make_person, sign_in


@pytest.fixture
def shell(tmp_path: Path, namespace: Namespace, release: Release) -> Shell:
    return Shell(tmp_path, namespace, release.values)


def test_a_restore_brings_back_a_deleted_user(
    shell: Shell, release: Release, client: httpx2.Client, admin: Person
) -> None:
    lost = make_person(client, admin)
    number = client.get(f"{USERS}/me", headers=bearer(lost)).json()["id"]
    backup, restore = commands("Back up and restore")
    assert "Dump completed" in shell.run(backup)
    assert client.delete(f"{USERS}/{number}", headers=bearer(admin)).status_code == 204
    # The restore uses the shell function of the first block.
    (function,) = re.findall(r"^db\(\) \{.*?\}$", backup, re.DOTALL | re.MULTILINE)
    shell.run(f"{function}\n{restore}")
    release.namespace.rolled_out(*release.deployments)
    assert sign_in(client, lost.email, lost.password).access


def test_a_database_password_can_be_changed(
    shell: Shell, release: Release, client: httpx2.Client, admin: Person
) -> None:
    before = release.namespace.secret("doorward-database", "auth-password")
    (change,) = commands("Change a database password")
    shell.run(change)
    release.namespace.rolled_out(*release.deployments)
    assert release.namespace.secret("doorward-database", "auth-password") != before
    assert sign_in(client, admin.email, admin.password).access
