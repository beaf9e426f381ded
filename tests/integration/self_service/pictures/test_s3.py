"""Pictures in a real S3 server, which may be slow, unavailable or misconfigured."""

import json
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from pydantic import SecretStr

from integration.harness.installation import USERS, Installation, reconfigured
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.self_service.flows import Flows
from integration.self_service.pictures.conftest import Pictures, use_storage
from integration.self_service.pictures.killed_upload import STEPS
from support.images import jpeg, png
from support.processes import inherited_environment
from support.s3 import S3Server

pytestmark = pytest.mark.databases("sqlite")  # the other storage

TESTS = Path(__file__).parents[3]
OWN = f"{USERS}/me/avatar"


def test_both_sizes_are_objects_and_the_row_has_no_bytes(
    with_s3: Pictures, people: People, s3: S3Server
) -> None:
    with_s3.flows.set_picture(people.user.access, png())
    [avatar] = with_s3.rows()
    assert s3.object_names() == [f"doorward/avatars/{avatar}/{size}.webp" for size in ("large", "small")]
    assert {s3.media_type(name) for name in s3.object_names()} == {"image/webp"}
    assert with_s3.installation.execute("SELECT storage, small, large FROM avatars") == [("s3", None, None)]
    for size in ("large", "small"):
        answer = with_s3.installation.call("GET", f"{OWN}?size={size}", people.user.access)
        assert answer.status_code == 200
        assert answer.content.startswith(b"RIFF")


def test_a_replaced_picture_a_deleted_one_and_that_of_a_deleted_user_are_gone(
    with_s3: Pictures, people: People, s3: S3Server
) -> None:
    for image in (png(), jpeg()):
        with_s3.flows.set_picture(people.user.access, image)
        assert len(s3.object_names()) == 2
    with_s3.installation.call("DELETE", OWN, people.user.access)
    assert s3.object_names() == []
    with_s3.flows.set_picture(people.user.access, png())
    with_s3.installation.call("DELETE", people.user.path, people.admin.access)
    assert s3.object_names() == []
    assert with_s3.rows() == set()


def test_services_use_the_storage_of_their_settings(
    flows: Flows, installation: Installation, people: People, s3: S3Server
) -> None:
    flows.set_picture(people.user.access, png())
    with reconfigured(installation, **s3.settings) as replica:
        # Those from before are still in the database.
        assert replica.call("GET", OWN, people.user.access).status_code == 200
        kind = {"Content-Type": "image/jpeg"}
        assert replica.call("PUT", OWN, people.user.access, kind, content=jpeg()).status_code == 200
        assert replica.call("GET", OWN, people.user.access).status_code == 200
    assert len(s3.object_names()) == 2
    assert installation.execute("SELECT storage FROM avatars") == [("s3",)]


def test_a_picture_whose_storage_is_not_configured_is_not_forgotten(
    with_s3: Pictures, people: People, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_s3.flows.set_picture(people.user.access, png())
    with monkeypatch.context() as patch:
        use_storage(with_s3.installation, patch)
        answer = with_s3.installation.call("GET", OWN, people.user.access)
        assert_problem(answer, 404, "avatar_not_found")
        assert with_s3.installation.call("DELETE", OWN, people.user.access).status_code == 204
        with_s3.clean_up()
        assert len(with_s3.rows()) == 1
    with_s3.clean_up()
    with_s3.assert_nothing_is_left()
    assert s3.object_names() == []


@pytest.mark.parametrize("failure", ["frozen", "down", "no such bucket"])
def test_without_its_storage_nothing_changes_and_nothing_is_lost(
    with_s3: Pictures,
    people: People,
    s3: S3Server,
    failure: str,
    rendered_log: StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access, installation = people.user.access, with_s3.installation
    with_s3.flows.set_picture(access, png())
    settings = {**s3.settings, "s3_timeout_seconds": 0.5}
    if failure == "down":
        settings["s3_endpoint"] = "http://127.0.0.1:9"
    if failure == "no such bucket":
        settings["s3_bucket"] = "another"
    with monkeypatch.context() as patch:
        use_storage(installation, patch, **settings)
        if failure == "frozen":
            s3.freeze()
        try:
            for answer in (installation.call("GET", OWN, access), with_s3.flows.set_picture(access, jpeg())):
                assert_problem(answer, 503, "storage_unavailable")
                assert answer.headers["retry-after"]
            assert installation.call("GET", f"{USERS}/me", access).json()["picture"]
            # The user is deleted at once; the objects when that is possible.
            assert installation.call("DELETE", people.user.path, people.admin.access).status_code == 204
        finally:
            s3.thaw()
    assert len(with_s3.rows()) == 2
    assert '"event":"avatar.storage_failed"' in rendered_log.getvalue()
    assert '"event":"avatar.left_to_cleanup"' in rendered_log.getvalue()
    assert "the secret key of tests" not in rendered_log.getvalue()
    with_s3.clean_up()
    with_s3.assert_nothing_is_left()
    assert s3.object_names() == []


def test_an_object_that_is_larger_than_any_picture_is_not_read(
    with_s3: Pictures, people: People, s3: S3Server, rendered_log: StringIO
) -> None:
    with_s3.flows.set_picture(people.user.access, png())
    s3.overwrite(bytes(128 * 1024 + 1))
    assert_problem(with_s3.installation.call("GET", OWN, people.user.access), 503, "storage_unavailable")
    assert "TooLarge" in rendered_log.getvalue()


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_is_killed_leaves_no_object(with_s3: Pictures, people: People, step: str) -> None:
    assert with_s3.s3 is not None
    with_s3.flows.set_picture(people.user.access, png())
    settings = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in with_s3.s3.settings.items()
    }
    orders = {
        "step": step,
        "database_url": with_s3.installation.database_url,
        "settings": settings,
        "token": people.user.access,
    }
    killed = subprocess.run(
        [sys.executable, "-m", "integration.self_service.pictures.killed_upload"],
        input=json.dumps(orders).encode(),
        env={**inherited_environment(), "PYTHONPATH": str(TESTS)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed
    assert with_s3.installation.call("GET", OWN, people.user.access).status_code == 200
    assert len(with_s3.rows()) == 2
    with_s3.clean_up()
    with_s3.assert_nothing_is_left()
    assert len(with_s3.used()) == 1
    assert with_s3.installation.call("GET", OWN, people.user.access).status_code == 200
