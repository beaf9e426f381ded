"""The directory: who is there, who may change it, and changes that do not get lost."""

import uuid

from e2e.context import Context, Member, new_password
from e2e.probe import AUTH, USERS


def creating_and_changing(context: Context) -> None:
    """An administrator creates, reads, changes and replaces an account."""
    password = new_password()
    created = context.create("carl", password=password)
    user = context.prove("An account is created", created, 201)
    path = f"{USERS}/{user['id']}"
    context.check(
        "... and says where it is", created.headers["location"] == path, created.headers["location"]
    )
    taken = context.send(
        "POST", USERS, context.admin, json={"email": user["email"].upper(), "name": "x", "password": password}
    )
    context.prove("The same address in another spelling is taken", taken, 409, "email_taken")
    bad = context.send("POST", USERS, context.admin, json={"email": "x", "name": "", "password": "12345678"})
    problem = context.prove("What cannot be an account is refused", bad, 422, "validation_error")
    context.check(
        "... naming each field",
        {one["pointer"] for one in problem["errors"]} == {"/email", "/name", "/password"},
        problem,
    )
    read = context.send("GET", path, context.admin)
    context.check("What is read is what was created", read.json() == user, read.text)
    tag = read.headers["etag"]
    unchanged = context.send("GET", path, context.admin, headers={"If-None-Match": tag})
    context.prove("Reading again with its ETag transfers nothing", unchanged, 304)
    renamed = context.send("PATCH", path, context.admin, json={"name": "Carla"}, headers={"If-Match": tag})
    context.prove("A change for the version that was read is made", renamed, 200)
    stale = context.send("PATCH", path, context.admin, json={"name": "Karl"}, headers={"If-Match": tag})
    context.prove("A change for an older version is refused", stale, 412, "precondition_failed")
    whole = {"email": user["email"], "name": "Carla C.", "role": "user", "status": "active"}
    replaced = context.prove(
        "PUT replaces the whole", context.send("PUT", path, context.admin, json=whole), 200
    )
    context.check("... and nothing else", {name: replaced[name] for name in whole} == whole, replaced)
    context.prove("An account is deleted", context.send("DELETE", path, context.admin), 204)
    context.prove("... and gone", context.send("GET", path, context.admin), 404, "user_not_found")


def paging(context: Context) -> None:
    """A list is read page by page: everybody once."""
    for label in ("page-1", "page-2", "page-3"):
        context.expect("an account is created", context.create(label, password=new_password()), 201)
    seen: list[str] = []
    params = {"q": f"e2e-{context.run}-page", "sort": "-email", "limit": "1"}
    while True:
        page = context.expect("a page is read", context.send("GET", USERS, context.admin, params=params), 200)
        seen += [one["email"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    expected = [context.address(f"page-{number}") for number in (3, 2, 1)]
    context.check("Searched, sorted, one a page: everybody comes once and in order", seen == expected, seen)
    moved = context.send("GET", USERS, context.admin, params={**params, "sort": "name"})
    context.prove("A cursor belongs to its own query", moved, 400, "invalid_cursor")


def roles(context: Context) -> None:
    """Everybody reads, administrators change; a role counts at once."""
    member = context.member("rita")
    _reading(context, member)
    path = f"{USERS}/{member.id}"
    body = {"email": context.address("eve"), "name": "Eve", "password": new_password()}
    for what, response in (
        ("A user creates nobody", context.send("POST", USERS, member.session.access, json=body)),
        ("... changes nobody", context.send("PATCH", path, member.session.access, json={"role": "admin"})),
        ("... deletes nobody", context.send("DELETE", path, member.session.access)),
    ):
        context.prove(what, response, 403, "insufficient_permission")
    own = context.send("PATCH", f"{USERS}/me", member.session.access, json={"name": "Rita R."})
    context.prove("One's own name is one's own to change", own, 200)
    rise = context.send("PATCH", f"{USERS}/me", member.session.access, json={"role": "admin"})
    context.prove("... and one's role is not", rise, 422, "validation_error")
    _promoting(context, member)


def _reading(context: Context, member: Member) -> None:
    listed = context.send("GET", USERS, member.session.access, params={"limit": 1})
    if listed.status_code == 403:
        context.prove("Here only administrators read the directory", listed, 403, "insufficient_permission")
    else:
        context.prove("A user reads the directory", listed, 200)
    nobody = context.send("GET", f"{USERS}/{uuid.uuid4()}", member.session.access)
    context.prove("An id that nobody has is not found", nobody, 404, "user_not_found")


def _promoting(context: Context, member: Member) -> None:
    promoted = context.send("PATCH", member.path, context.admin, json={"role": "admin"})
    context.prove("An administrator appoints another", promoted, 200)
    context.soon("The token of the role before is refused", lambda: context.is_refused(member.session.access))
    renewed = context.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": member.session.refresh})
    token = context.prove("... and the session, refreshed, has the new one", renewed, 200)["access_token"]
    context.prove(
        "... which may change accounts", context.send("PATCH", member.path, token, json={"name": "Rita"}), 200
    )
    demoted = context.send("PATCH", member.path, context.admin, json={"role": "user"})
    context.prove("Taken back", demoted, 200)
    change = context.send("PATCH", member.path, token, json={"name": "Rita, still admin"})
    context.check(
        "... it changes nothing from that moment on", change.status_code in {401, 403}, change.status_code
    )


def disabling(context: Context) -> None:
    """A disabled account is out, at once and everywhere."""
    member = context.member("dora")
    disabled = context.send("PATCH", member.path, context.admin, json={"status": "disabled"})
    context.prove("An account is disabled", disabled, 200)
    context.soon("Its access token is refused", lambda: context.is_refused(member.session.access))
    refused = context.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": member.session.refresh})
    context.prove("... its session cannot be refreshed", refused, 401, "invalid_refresh_token")
    right = context.log_in(member.email, member.password)
    context.prove("Who knows the password is told why", right, 403, "account_disabled")
    wrong = context.log_in(member.email, "not a password of anybody")
    context.prove("... and nobody else", wrong, 401, "invalid_credentials")
    enabled = context.send("PATCH", member.path, context.admin, json={"status": "active"})
    context.prove("It is enabled again", enabled, 200)
    context.prove("... and its owner logs in", context.log_in(member.email, member.password), 200)
