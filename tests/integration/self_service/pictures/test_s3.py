"""Pictures in a real S3 server, which may be slow, unavailable or misconfigured."""

from collections.abc import Iterator
from io import StringIO

import pytest
from pydantic import SecretStr

from integration.harness.installation import USERS, Installation, another
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.self_service.conftest import Mailing
from integration.self_service.flows import Flows
from integration.self_service.mailbox import Mailbox
from integration.self_service.pictures.conftest import Pictures
from support.images import jpeg, png
from support.s3 import S3Server

pytestmark = pytest.mark.databases("sqlite")  # the other storage

OWN = f"{USERS}/me/avatar"


@pytest.fixture
def with_s3(
    mailing: Mailing, installation: Installation, mailbox: Mailbox, s3: S3Server
) -> Iterator[Pictures]:
    settings = {**s3.settings, "s3_timeout_seconds": 1.0}
    with another(installation, mailbox_dir=mailing.mailbox_dir, **settings) as replica:
        yield Pictures(replica, Flows(replica, mailbox), s3)


def test_both_sizes_are_objects_and_the_row_has_no_bytes(
    with_s3: Pictures, people: People, s3: S3Server
) -> None:
    with_s3.flows.set_picture(people.user.access, png())
    [avatar] = with_s3.rows()
    assert s3.keys() == [f"doorward/avatars/{avatar}/{size}.webp" for size in ("large", "small")]
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
        assert len(s3.keys()) == 2
    with_s3.installation.call("DELETE", OWN, people.user.access)
    assert s3.keys() == []
    with_s3.flows.set_picture(people.user.access, png())
    with_s3.installation.call("DELETE", people.user.path, people.admin.access)
    assert s3.keys() == []
    assert with_s3.rows() == set()


@pytest.mark.parametrize("failure", ["frozen", "down", "no such bucket"])
def test_without_its_storage_nothing_changes_and_nothing_is_lost(
    with_s3: Pictures, people: People, s3: S3Server, failure: str, rendered_log: StringIO
) -> None:
    access = people.user.access
    with_s3.flows.set_picture(access, png())
    settings = {**s3.settings, "s3_timeout_seconds": 1.0}
    if failure == "down":
        settings["s3_endpoint"] = "http://127.0.0.1:9"
    if failure == "no such bucket":
        settings["s3_bucket"] = "another"
    with another(with_s3.installation, **settings) as without:
        if failure == "frozen":
            s3.freeze()
        try:
            for answer in (
                without.call("GET", OWN, access),
                without.call("PUT", OWN, access, {"Content-Type": "image/jpeg"}, content=jpeg()),
            ):
                assert_problem(answer, 503, "storage_unavailable")
                assert answer.headers["retry-after"]
            assert without.call("GET", f"{USERS}/me", access).json()["picture"]
            # The user is deleted at once; the objects when that is possible.
            assert without.call("DELETE", people.user.path, people.admin.access).status_code == 204
        finally:
            s3.thaw()
    assert len(with_s3.rows()) == 2
    assert '"event":"avatar.storage_failed"' in rendered_log.getvalue()
    assert '"event":"avatar.left_to_cleanup"' in rendered_log.getvalue()
    assert "a secret key" not in rendered_log.getvalue()
    with_s3.clean_up()
    with_s3.assert_nothing_is_left()
    assert s3.keys() == []


def test_pictures_from_before_are_still_in_the_database(
    installation: Installation, flows: Flows, with_s3: Pictures, people: People, s3: S3Server
) -> None:
    flows.set_picture(people.user.access, png())
    assert with_s3.installation.call("GET", OWN, people.user.access).status_code == 200
    assert with_s3.flows.set_picture(people.user.access, jpeg()).status_code == 200
    assert len(s3.keys()) == 2
    with_s3.assert_nothing_is_left()
    # And back: without its storage a picture cannot be deleted, so it is not forgotten.
    assert_problem(installation.call("GET", OWN, people.user.access), 404, "avatar_not_found")
    assert installation.call("DELETE", OWN, people.user.access).status_code == 204
    assert len(with_s3.rows()) == 1
    with_s3.clean_up()
    assert s3.keys() == []
    assert with_s3.rows() == set()


def test_the_keys_are_settings_that_are_not_shown(s3: S3Server) -> None:
    assert all(
        isinstance(s3.settings[f"s3_{name}"], SecretStr) for name in ("access_key_id", "secret_access_key")
    )
