"""Wherever a process ends between two steps, no picture is left for ever, and none that is used is lost."""

from collections.abc import Callable

import pytest

from doorward_auth.registration import repository as registrations
from doorward_identity.avatars import repository
from doorward_identity.avatars.service import Avatars
from doorward_identity.avatars.storage.database import DatabaseAvatarStore
from doorward_identity.avatars.storage.s3 import S3AvatarStore
from doorward_users.directory import repository as directory
from integration.harness.installation import USERS
from integration.harness.people import People
from integration.self_service.flows import unique
from integration.self_service.pictures.conftest import Pictures
from support.images import jpeg, png

pytestmark = pytest.mark.databases("sqlite")  # what is interrupted; the statements run on both elsewhere

Target = tuple[object, str]

UPLOADING: dict[str, list[Target]] = {
    "before the row": [(repository, "insert")],
    "before the bytes": [(DatabaseAvatarStore, "put"), (S3AvatarStore, "put")],
    "before the user has it": [(repository, "keep")],
    "within that transaction": [(directory, "update_user")],
    "before the earlier one is deleted": [(Avatars, "discard")],
    "before the bytes of the earlier one are deleted": [
        (DatabaseAvatarStore, "delete"),
        (S3AvatarStore, "delete"),
    ],
    "before the row of the earlier one is deleted": [(repository, "delete_ended")],
}
DELETING = {name: targets for name, targets in UPLOADING.items() if "earlier" in name or "within" in name}
REGISTERING: dict[str, list[Target]] = {
    "before the bytes": UPLOADING["before the bytes"],
    "before the registration": [(registrations, "insert")],
    "before the registration has it": [(repository, "keep")],
}


class InterruptedHereError(Exception):
    """Stands for the end of the process: nothing of Doorward catches it."""


def interrupt(monkeypatch: pytest.MonkeyPatch, targets: list[Target]) -> None:
    def ends(*_arguments: object, **_options: object) -> None:
        raise InterruptedHereError

    for place, name in targets:
        monkeypatch.setattr(place, name, ends)


def interrupted(monkeypatch: pytest.MonkeyPatch, targets: list[Target], request: Callable[[], int]) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, targets)
        assert request() == 500


@pytest.mark.parametrize("step", UPLOADING)
def test_an_interrupted_upload_leaves_nothing(
    pictures: Pictures, people: People, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    access = people.user.access
    assert pictures.flows.set_picture(access, png()).status_code == 200
    before = pictures.used()
    interrupted(monkeypatch, UPLOADING[step], lambda: pictures.flows.set_picture(access, jpeg()).status_code)
    is_set = pictures.used() != before
    assert is_set == ("earlier" in step)
    assert pictures.installation.call("GET", f"{USERS}/me/avatar", access).status_code == 200
    pictures.clean_up()
    pictures.assert_nothing_is_left()
    assert len(pictures.used()) == 1
    assert pictures.installation.call("GET", f"{USERS}/me/avatar", access).status_code == 200


@pytest.mark.parametrize("step", DELETING)
@pytest.mark.parametrize("what", ["picture", "user"])
def test_an_interrupted_deletion_leaves_nothing(
    pictures: Pictures, people: People, monkeypatch: pytest.MonkeyPatch, what: str, step: str
) -> None:
    assert pictures.flows.set_picture(people.user.access, png()).status_code == 200
    path = people.user.path if what == "user" else f"{people.user.path}/avatar"
    targets: list[Target] = DELETING[step]
    if step.startswith("within") and what == "user":
        targets = [(directory, "delete_user")]
    interrupted(
        monkeypatch,
        targets,
        lambda: pictures.installation.call("DELETE", path, people.admin.access).status_code,
    )
    pictures.clean_up()
    pictures.assert_nothing_is_left()
    assert len(pictures.used()) == int(step.startswith("within"))


@pytest.mark.parametrize("step", REGISTERING)
def test_an_interrupted_registration_leaves_nothing(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    interrupted(
        monkeypatch,
        REGISTERING[step],
        lambda: pictures.flows.register_with_picture(unique(), png()).status_code,
    )
    assert pictures.rows()
    pictures.clean_up()
    pictures.assert_nothing_is_left()


def test_a_registration_that_is_never_verified_leaves_nothing(pictures: Pictures) -> None:
    assert pictures.flows.register_with_picture(unique(), png()).status_code == 202
    assert pictures.rows() == pictures.stored() != set()
    pictures.clean_up()
    pictures.assert_nothing_is_left()


def test_a_verified_registration_keeps_its_picture(pictures: Pictures) -> None:
    email = unique()
    registered = pictures.flows.register_with_picture(email, png())
    pictures.flows.register_with_picture(email, jpeg())
    assert pictures.flows.verify_registered(pictures.flows.code_of(email), registered).status_code == 200
    pictures.clean_up()
    pictures.assert_nothing_is_left()
    assert len(pictures.used()) == 1


def test_an_upload_that_took_too_long_is_not_kept(
    pictures: Pictures, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cleanup may have deleted it already, so the user does not get it."""
    monkeypatch.setattr(repository, "UPLOAD_SECONDS", -1)
    answer = pictures.flows.set_picture(people.user.access, png())
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    pictures.clean_up()
    pictures.assert_nothing_is_left()
    assert pictures.used() == set()


def test_a_used_picture_is_never_cleaned_up(pictures: Pictures, people: People) -> None:
    pictures.flows.set_picture(people.user.access, png())
    pictures.clean_up()
    assert len(pictures.used()) == 1
    pictures.assert_nothing_is_left()
