"""A user's picture: set, shown with the user, cached by its content, replaced, deleted."""

from io import StringIO

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.tables import avatars
from integration.harness.installation import AUTH, CLIENT, USERS, Installation, reconfigured
from integration.harness.people import People, enrol
from integration.harness.problems import assert_problem
from integration.self_service.flows import Flows, Joined
from support.images import encoded, jpeg, noise, png, webp, webp_chunks

OWN = f"{USERS}/me/avatar"
LASTING = "private, max-age=31536000, immutable"


def stored(installation: Installation) -> list[tuple[object, ...]]:
    """Return the stored pictures: whether they end, and whether their bytes are there."""
    return installation.execute(
        sa.select(avatars.c.expires_at.is_not(None), avatars.c.large.is_not(None)).order_by(avatars.c.id)
    )


def get(installation: Installation, people: People, path: str = OWN, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return installation.call("GET", path, people.user.access, named)


def test_a_picture_is_served_in_both_sizes(flows: Flows, installation: Installation, people: People) -> None:
    answer = flows.set_picture(people.user.access, png(600, 500))
    assert answer.status_code == 200, answer.text
    large, small = get(installation, people), get(installation, people, f"{OWN}?size=small")
    assert "etag" not in answer.headers, "the stored picture is another one than the image (RFC 9110, 9.3.4)"
    assert large.headers["etag"] != small.headers["etag"]
    for picture in (large, small):
        assert picture.status_code == 200
        assert picture.headers["content-type"] == "image/webp"
        assert picture.headers["x-content-type-options"] == "nosniff"
        assert picture.headers["content-security-policy"].startswith("default-src 'none'")
        assert picture.headers["cache-control"] == "private, no-cache"
        assert set(webp_chunks(picture.content)) == {b"VP8 "}
    assert len(small.content) < len(large.content)
    assert get(installation, people, answer.json()["picture"]).content == large.content
    assert get(installation, people, answer.json()["small"]).content == small.content
    assert_problem(get(installation, people, f"{OWN}?size=huge"), 422, "validation_error")


def test_a_picture_is_kept_by_its_digest(flows: Flows, installation: Installation, people: People) -> None:
    first = flows.set_picture(people.user.access, png()).json()
    assert get(installation, people, first["picture"]).headers["cache-control"] == LASTING
    assert get(installation, people, first["small"]).headers["cache-control"] == LASTING
    tag = get(installation, people).headers["etag"]
    for condition in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        same = get(installation, people, first["picture"], If_None_Match=condition)
        assert (same.status_code, same.content) == (304, b"")
        assert (same.headers["etag"], same.headers["cache-control"]) == (tag, LASTING)
    assert get(installation, people, first["small"], If_None_Match=tag).status_code == 200
    second = flows.set_picture(people.user.access, jpeg(50, 50)).json()
    assert first["picture"] != second["picture"]
    # The old address shows the present picture, and no cache takes it for the old one.
    old, new = get(installation, people, first["picture"]), get(installation, people, second["picture"])
    assert old.content == new.content
    assert (old.headers["cache-control"], new.headers["cache-control"]) == ("private, no-cache", LASTING)
    assert get(installation, people, If_None_Match=tag).status_code == 200


def test_the_user_shows_the_picture(flows: Flows, installation: Installation, people: People) -> None:
    before = get(installation, people, f"{USERS}/me")
    assert before.json()["picture"] is None
    picture = flows.set_picture(people.user.access, webp()).json()["picture"]
    assert picture.startswith(f"{people.user.path}/avatar?v=")
    after = get(installation, people, f"{USERS}/me", If_None_Match=before.headers["etag"])
    assert after.status_code == 200, "the user has another version"
    assert after.json() == {
        **before.json(),
        "picture": picture,
        "updated_at": after.json()["updated_at"],
    }
    assert after.json()["updated_at"] > before.json()["updated_at"]
    listed = get(installation, people, USERS).json()["items"]
    assert {item["id"]: item["picture"] for item in listed}[people.user.id] == picture
    assert [item["picture"] for item in listed].count(None) == len(listed) - 1
    looked_up = installation.auth.get(f"{AUTH}/users?id={people.user.id}&id={people.other.id}", auth=CLIENT)
    assert {item["picture"] for item in looked_up.json()["items"]} == {picture, None}
    renamed = installation.call("PATCH", f"{USERS}/me", people.user.access, json={"name": "Renamed"})
    assert renamed.json()["picture"] == picture


def test_the_same_picture_again_changes_nothing(
    flows: Flows, installation: Installation, people: People
) -> None:
    answer = flows.set_picture(people.user.access, png())
    version = get(installation, people, f"{USERS}/me").headers["etag"]
    events = installation.execute("SELECT COUNT(*) FROM audit_events")
    again = flows.set_picture(people.user.access, png())
    assert (again.status_code, again.json()) == (200, answer.json())
    assert get(installation, people, f"{USERS}/me").headers["etag"] == version
    assert installation.execute("SELECT COUNT(*) FROM audit_events") == events
    assert stored(installation) == [(False, True)]


def test_a_replaced_or_deleted_picture_is_gone_at_once(
    flows: Flows, installation: Installation, people: People
) -> None:
    flows.set_picture(people.user.access, png())
    flows.set_picture(people.user.access, jpeg())
    assert stored(installation) == [(False, True)]
    deleted = installation.call("DELETE", OWN, people.user.access)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert stored(installation) == []
    assert_problem(get(installation, people), 404, "avatar_not_found")
    assert get(installation, people, f"{USERS}/me").json()["picture"] is None
    version = get(installation, people, f"{USERS}/me").headers["etag"]
    assert installation.call("DELETE", OWN, people.user.access).status_code == 204
    assert get(installation, people, f"{USERS}/me").headers["etag"] == version, "there was none"


def test_the_picture_goes_with_its_user(flows: Flows, installation: Installation, people: People) -> None:
    flows.set_picture(people.user.access, png())
    flows.set_picture(people.other.access, jpeg())
    assert installation.call("DELETE", people.user.path, people.admin.access).status_code == 204
    assert stored(installation) == [(False, True)]
    assert installation.call("DELETE", people.other.path, people.admin.access).status_code == 204
    assert stored(installation) == []


def test_administrators_set_and_delete_pictures_of_those_they_may_change(
    flows: Flows, installation: Installation, people: People
) -> None:
    answer = flows.set_picture(people.admin.access, png(), people.user.id)
    assert answer.status_code == 200
    assert get(installation, people).status_code == 200
    assert_problem(
        flows.set_picture(people.user.access, png(), people.other.id), 403, "insufficient_permission"
    )
    auditor = enrol(installation, people.admin, role="auditor")
    assert_problem(flows.set_picture(auditor.access, png(), people.other.id), 403, "insufficient_permission")
    other = f"{people.user.path}/avatar"
    assert_problem(installation.call("DELETE", other, people.other.access), 403, "insufficient_permission")
    assert installation.call("DELETE", other, people.admin.access).status_code == 204
    unknown = "01913e8c-3f5a-7b1c-8d2e-4f6a8b0c2d4e"
    assert_problem(flows.set_picture(people.admin.access, png(), unknown), 404, "user_not_found")


@pytest.mark.databases("sqlite")  # decided before any statement
def test_a_picture_is_seen_by_those_who_see_the_user(
    flows: Flows, installation: Installation, people: People
) -> None:
    flows.set_picture(people.other.access, png())
    path = f"{people.other.path}/avatar"
    assert get(installation, people, path).status_code == 200
    with reconfigured(installation, directory_visibility="admins") as closed:
        assert_problem(get(closed, people, path), 404, "user_not_found")
        assert closed.call("GET", path, people.admin.access).status_code == 200
        assert closed.call("GET", path, people.other.access).status_code == 200


def test_changes_are_in_the_logs_without_the_picture(
    flows: Flows, installation: Installation, people: People, rendered_log: StringIO
) -> None:
    flows.set_picture(people.user.access, png())
    installation.call("DELETE", f"{people.user.path}/avatar", people.admin.access)
    events = installation.call("GET", f"{AUTH}/audit?target_id={people.user.id}", people.admin.access).json()
    newest = [(item["action"], item["actor_id"], item["details"]) for item in events["items"][:2]]
    assert newest == [
        ("users:avatar:deleted", people.admin.id, None),
        ("users:avatar:set", people.user.id, None),
    ]
    log = rendered_log.getvalue()
    assert log.count('"event":"avatar.set"') == log.count('"event":"avatar.deleted"') == 1
    assert "RIFF" not in log


def test_a_large_picture_fits_into_the_database(
    flows: Flows, installation: Installation, people: People
) -> None:
    """More than a BLOB of MariaDB, which ends at 64 KiB."""
    flows.set_picture(people.user.access, encoded(noise(512), "PNG"))
    picture = get(installation, people)
    assert len(picture.content) > 65_536
    assert picture.content.startswith(b"RIFF")


def test_a_picture_of_a_user_who_joins_later_is_none(ada: Joined, installation: Installation) -> None:
    assert installation.call("GET", OWN, ada.access).status_code == 404
