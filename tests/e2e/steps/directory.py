"""The directory: who is there, who may change it, and changes that do not get lost."""

import uuid

from e2e.probe import AUTH, USERS
from e2e.walk import Member, Walk, new_password


def creating_and_changing(walk: Walk) -> None:
    """An administrator creates, reads, changes and replaces an account."""
    password = new_password()
    created = walk.create("carl", password=password)
    user = walk.prove("An account is created", created, 201)
    path = f"{USERS}/{user['id']}"
    walk.check("... and says where it is", created.headers["location"] == path, created.headers["location"])
    taken = walk.send(
        "POST", USERS, walk.admin, json={"email": user["email"].upper(), "name": "x", "password": password}
    )
    walk.prove("The same address in another spelling is taken", taken, 409, "email_taken")
    bad = walk.send("POST", USERS, walk.admin, json={"email": "x", "name": "", "password": "12345678"})
    problem = walk.prove("What cannot be an account is refused", bad, 422, "validation_error")
    walk.check(
        "... naming each field",
        {one["pointer"] for one in problem["errors"]} == {"/email", "/name", "/password"},
        problem,
    )
    read = walk.send("GET", path, walk.admin)
    walk.check("What is read is what was created", read.json() == user, read.text)
    tag = read.headers["etag"]
    unchanged = walk.send("GET", path, walk.admin, headers={"If-None-Match": tag})
    walk.prove("Reading again with its ETag transfers nothing", unchanged, 304)
    renamed = walk.send("PATCH", path, walk.admin, json={"name": "Carla"}, headers={"If-Match": tag})
    walk.prove("A change for the version that was read is made", renamed, 200)
    stale = walk.send("PATCH", path, walk.admin, json={"name": "Karl"}, headers={"If-Match": tag})
    walk.prove("A change for an older version is refused", stale, 412, "precondition_failed")
    whole = {"email": user["email"], "name": "Carla C.", "role": "user", "status": "active"}
    replaced = walk.prove("PUT replaces the whole", walk.send("PUT", path, walk.admin, json=whole), 200)
    walk.check("... and nothing else", {name: replaced[name] for name in whole} == whole, replaced)
    walk.prove("An account is deleted", walk.send("DELETE", path, walk.admin), 204)
    walk.prove("... and gone", walk.send("GET", path, walk.admin), 404, "user_not_found")


def paging(walk: Walk) -> None:
    """A list is read page by page: everybody once."""
    for label in ("page-1", "page-2", "page-3"):
        walk.expect("an account is created", walk.create(label, password=new_password()), 201)
    seen: list[str] = []
    params = {"q": f"e2e-{walk.run}-page", "sort": "-email", "limit": "1"}
    while True:
        page = walk.expect("a page is read", walk.send("GET", USERS, walk.admin, params=params), 200)
        seen += [one["email"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    expected = [walk.address(f"page-{number}") for number in (3, 2, 1)]
    walk.check("Searched, sorted, one a page: everybody comes once and in order", seen == expected, seen)
    moved = walk.send("GET", USERS, walk.admin, params={**params, "sort": "name"})
    walk.prove("A cursor belongs to its own query", moved, 400, "invalid_cursor")


def roles(walk: Walk) -> None:
    """Everybody reads, administrators change; a role counts at once."""
    member = walk.member("rita")
    _reading(walk, member)
    path = f"{USERS}/{member.id}"
    body = {"email": walk.address("eve"), "name": "Eve", "password": new_password()}
    for what, response in (
        ("A user creates nobody", walk.send("POST", USERS, member.session.access, json=body)),
        ("... changes nobody", walk.send("PATCH", path, member.session.access, json={"role": "admin"})),
        ("... deletes nobody", walk.send("DELETE", path, member.session.access)),
    ):
        walk.prove(what, response, 403, "insufficient_permission")
    own = walk.send("PATCH", f"{USERS}/me", member.session.access, json={"name": "Rita R."})
    walk.prove("One's own name is one's own to change", own, 200)
    rise = walk.send("PATCH", f"{USERS}/me", member.session.access, json={"role": "admin"})
    walk.prove("... and one's role is not", rise, 422, "validation_error")
    _promoting(walk, member)


def _reading(walk: Walk, member: Member) -> None:
    listed = walk.send("GET", USERS, member.session.access, params={"limit": 1})
    if listed.status_code == 403:
        walk.prove("Here only administrators read the directory", listed, 403, "insufficient_permission")
    else:
        walk.prove("A user reads the directory", listed, 200)
    nobody = walk.send("GET", f"{USERS}/{uuid.uuid4()}", member.session.access)
    walk.prove("An id that nobody has is not found", nobody, 404, "user_not_found")


def _promoting(walk: Walk, member: Member) -> None:
    promoted = walk.send("PATCH", member.path, walk.admin, json={"role": "admin"})
    walk.prove("An administrator appoints another", promoted, 200)
    walk.soon("The token of the role before is refused", lambda: walk.is_refused(member.session.access))
    renewed = walk.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": member.session.refresh})
    token = walk.prove("... and the session, refreshed, has the new one", renewed, 200)["access_token"]
    walk.prove(
        "... which may change accounts", walk.send("PATCH", member.path, token, json={"name": "Rita"}), 200
    )
    demoted = walk.send("PATCH", member.path, walk.admin, json={"role": "user"})
    walk.prove("Taken back", demoted, 200)
    change = walk.send("PATCH", member.path, token, json={"name": "Rita, still admin"})
    walk.check(
        "... it changes nothing from that moment on", change.status_code in {401, 403}, change.status_code
    )


def disabling(walk: Walk) -> None:
    """A disabled account is out, at once and everywhere."""
    member = walk.member("dora")
    disabled = walk.send("PATCH", member.path, walk.admin, json={"status": "disabled"})
    walk.prove("An account is disabled", disabled, 200)
    walk.soon("Its access token is refused", lambda: walk.is_refused(member.session.access))
    refused = walk.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": member.session.refresh})
    walk.prove("... its session cannot be refreshed", refused, 401, "invalid_refresh_token")
    right = walk.log_in(member.email, member.password)
    walk.prove("Who knows the password is told why", right, 403, "account_disabled")
    wrong = walk.log_in(member.email, "not a password of anybody")
    walk.prove("... and nobody else", wrong, 401, "invalid_credentials")
    enabled = walk.send("PATCH", member.path, walk.admin, json={"status": "active"})
    walk.prove("It is enabled again", enabled, 200)
    walk.prove("... and its owner logs in", walk.log_in(member.email, member.password), 200)
