"""The directory: reading, permissions, and changes with ETags."""

import uuid

from e2e.context import Context, Member, new_password
from e2e.probe import AUTH, USERS


def creating_and_changing(context: Context) -> None:
    """An administrator creates, reads, changes and replaces an account."""
    password = new_password()
    created = context.create("carl", password=password)
    user = context.prove("An account is created", created, 201)
    path = f"{USERS}/{user['id']}"
    context.check("... with its Location", created.headers["location"] == path, created.headers["location"])
    taken = context.send(
        "POST", USERS, context.admin, json={"email": user["email"].upper(), "name": "x", "password": password}
    )
    context.prove("The same address in another spelling is taken", taken, 409, "email_taken")
    bad = context.send("POST", USERS, context.admin, json={"email": "x", "name": "", "password": "12345678"})
    problem = context.prove("An invalid account is rejected", bad, 422, "validation_error")
    context.check(
        "... with each invalid field",
        {error["pointer"] for error in problem["errors"]} == {"/email", "/name", "/password"},
        problem,
    )
    read = context.send("GET", path, context.admin)
    same = {**read.json(), "warnings": user["warnings"]} == user
    context.check("The created account is read unchanged", same, read.text)
    tag = read.headers["etag"]
    unchanged = context.send("GET", path, context.admin, headers={"If-None-Match": tag})
    context.prove("Reading again with the ETag is 304", unchanged, 304)
    renamed = context.send("PATCH", path, context.admin, json={"name": "Carla"}, headers={"If-Match": tag})
    context.prove("A change with the current ETag is made", renamed, 200)
    stale = context.send("PATCH", path, context.admin, json={"name": "Karl"}, headers={"If-Match": tag})
    context.prove("A change with a stale ETag is rejected", stale, 412, "precondition_failed")
    whole = {"email": user["email"], "name": "Carla C.", "role": "user", "status": "active"}
    replaced = context.prove(
        "PUT replaces the account", context.send("PUT", path, context.admin, json=whole), 200
    )
    context.check(
        "... with exactly the sent fields", {name: replaced[name] for name in whole} == whole, replaced
    )
    context.prove("An account is deleted", context.send("DELETE", path, context.admin), 204)
    context.prove("... and no longer found", context.send("GET", path, context.admin), 404, "user_not_found")


def paging(context: Context) -> None:
    """A list is read in pages, without gaps or repetitions."""
    for label in ("page-1", "page-2", "page-3"):
        context.expect("an account is created", context.create(label, password=new_password()), 201)
    seen: list[str] = []
    params = {"q": f"e2e-{context.run}-page", "sort": "-email", "limit": "1"}
    while True:
        page = context.expect("a page is read", context.send("GET", USERS, context.admin, params=params), 200)
        seen += [item["email"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    expected = [context.address(f"page-{number}") for number in (3, 2, 1)]
    context.check("Pages of a sorted search contain every user once and in order", seen == expected, seen)
    moved = context.send("GET", USERS, context.admin, params={**params, "sort": "name"})
    context.prove("A cursor of another query is rejected", moved, 400, "invalid_cursor")


def roles(context: Context) -> None:
    """Users read, administrators change; a new role is effective at once."""
    member = context.member("rita")
    _reading(context, member)
    path = f"{USERS}/{member.id}"
    body = {"email": context.address("eve"), "name": "Eve", "password": new_password()}
    for what, response in (
        ("A user cannot create accounts", context.send("POST", USERS, member.session.access, json=body)),
        (
            "... or change accounts",
            context.send("PATCH", path, member.session.access, json={"role": "admin"}),
        ),
        ("... or delete accounts", context.send("DELETE", path, member.session.access)),
    ):
        context.prove(what, response, 403, "insufficient_permission")
    own = context.send("PATCH", f"{USERS}/me", member.session.access, json={"name": "Rita R."})
    context.prove("A user can change the own name", own, 200)
    rise = context.send("PATCH", f"{USERS}/me", member.session.access, json={"role": "admin"})
    context.prove("... but not the own role", rise, 422, "validation_error")
    _promoting(context, member)


def _reading(context: Context, member: Member) -> None:
    listed = context.send("GET", USERS, member.session.access, params={"limit": 1})
    if listed.status_code == 403:
        context.prove("Here only administrators read the directory", listed, 403, "insufficient_permission")
    else:
        context.prove("A user reads the directory", listed, 200)
    unknown = context.send("GET", f"{USERS}/{uuid.uuid4()}", member.session.access)
    context.prove("An unknown id is not found", unknown, 404, "user_not_found")


def _promoting(context: Context, member: Member) -> None:
    promoted = context.send("PATCH", member.path, context.admin, json={"role": "admin"})
    context.prove("An administrator promotes a user", promoted, 200)
    context.soon(
        "The token with the previous role is rejected", lambda: context.is_rejected(member.session.access)
    )
    renewed = context.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": member.session.refresh})
    token = context.prove("... and a refreshed token has the new one", renewed, 200)["access_token"]
    context.prove(
        "... which allows changes of accounts",
        context.send("PATCH", member.path, token, json={"name": "Rita"}),
        200,
    )
    demoted = context.send("PATCH", member.path, context.admin, json={"role": "user"})
    context.prove("The user is demoted", demoted, 200)
    change = context.send("PATCH", member.path, token, json={"name": "Rita, still admin"})
    context.check(
        "... and the token can change nothing any more", change.status_code in {401, 403}, change.status_code
    )


def disabling(context: Context) -> None:
    """A disabled account loses access at once and everywhere."""
    member = context.member("dora")
    disabled = context.send("PATCH", member.path, context.admin, json={"status": "disabled"})
    context.prove("An account is disabled", disabled, 200)
    context.soon("Its access token is rejected", lambda: context.is_rejected(member.session.access))
    rejected = context.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": member.session.refresh})
    context.prove("... its session cannot be refreshed", rejected, 401, "invalid_refresh_token")
    right = context.log_in(member.email, member.password)
    context.prove("Login with the right password names the reason", right, 403, "account_disabled")
    wrong = context.log_in(member.email, "not the right password")
    context.prove("... and with a wrong one it does not", wrong, 401, "invalid_credentials")
    enabled = context.send("PATCH", member.path, context.admin, json={"status": "active"})
    context.prove("It is enabled again", enabled, 200)
    context.prove("... and its owner logs in", context.log_in(member.email, member.password), 200)
