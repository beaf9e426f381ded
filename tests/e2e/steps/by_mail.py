"""What goes by mail: joining, a forgotten password, another address."""

import httpx2

from e2e.probe import AUTH, USERS
from e2e.walk import Walk, new_password


def registering(walk: Walk) -> None:
    """Whoever proves to read an address's mail gets an account."""
    email, password = walk.address("nina"), new_password()
    common = _register(walk, email, "password123")
    walk.prove("A password that everybody tries first is refused", common, 422, "validation_error")
    if not walk.reads_mail:  # a registration that nobody confirms would be left behind
        return
    asked = _register(walk, email, password)
    if asked.status_code == 403:
        walk.skip(f"nobody registers here with this address ({asked.json()['code']})")
        return
    accepted = walk.prove("Somebody registers", asked, 202)
    found = walk.expect("the directory", walk.send("GET", USERS, walk.admin, params={"q": email}), 200)
    walk.check("Before the code there is no account", found["items"] == [], found)
    early = walk.log_in(email, password)
    walk.prove("... and nobody logs in", early, 403, "email_not_verified")
    code = walk.next_secret(email)
    wrong = walk.send("POST", f"{AUTH}/verify-email", json={"code": code[:-4] + "AAAA"})
    walk.prove("A wrong code proves nothing", wrong, 400, "invalid_code")
    right = walk.send("POST", f"{AUTH}/verify-email", json={"code": code})
    walk.prove("The code of the mail makes the account", right, 204)
    member = walk.joined(email, password)
    me = walk.expect("the profile", walk.send("GET", f"{USERS}/me", member.session.access), 200)
    walk.check(
        "Its owner is a user with a proven address", (me["role"], me["email_verified"]) == ("user", True), me
    )
    again = walk.send("POST", f"{AUTH}/verify-email", json={"code": code})
    walk.prove("A code counts once", again, 400, "invalid_code")
    known = walk.expect("registering again", _register(walk, email, new_password()), 202)
    walk.check("Registering a known address gets the same answer", known == accepted, known)
    walk.told("... and its owner is told that there is an account", email)
    walk.prove("... whose password is what it was", walk.log_in(email, password), 200)


def inviting(walk: Walk) -> None:
    """An administrator makes the account, its owner chooses the password."""
    if not walk.reads_mail:
        return
    created = walk.create("ivan", role="admin")
    user = walk.prove("An account without a password is created", created, 201)
    code = walk.next_secret(user["email"])
    path = f"{USERS}/{user['id']}/invitation"
    walk.prove("Its owner is invited once more", walk.send("POST", path, walk.admin), 202)
    newer, password = walk.next_secret(user["email"]), new_password()
    walk.prove("The code before counts no more", _accept(walk, code, password), 400, "invalid_code")
    walk.prove("The newest one does", _accept(walk, newer, password), 204)
    walk.prove("... once", _accept(walk, newer, new_password()), 400, "invalid_code")
    member = walk.joined(user["email"], password)
    me = walk.expect("the profile", walk.send("GET", f"{USERS}/me", member.session.access), 200)
    walk.check("The role is the one that was given", (me["id"], me["role"]) == (user["id"], "admin"), me)
    joined = walk.send("POST", path, walk.admin)
    walk.prove("Who has joined is not invited", joined, 409, "already_joined")


def resetting(walk: Walk) -> None:
    """A forgotten password is replaced with six digits by mail."""
    if not walk.reads_mail:
        return
    member = walk.member("paul")
    asked = walk.prove("A code is asked for", _ask(walk, member.email), 202)
    unknown = walk.expect("asking for nobody", _ask(walk, walk.address("nobody")), 202)
    walk.check("An unknown address gets the same answer", asked == unknown, unknown)
    pin, chosen = walk.next_secret(member.email), new_password()
    wrong = f"{(int(pin) + 1) % 1_000_000:06d}"
    walk.prove("A wrong code sets nothing", _reset(walk, member.email, wrong, chosen), 400, "invalid_code")
    walk.prove("The right one sets the new password", _reset(walk, member.email, pin, chosen), 200)
    walk.prove("... once", _reset(walk, member.email, pin, new_password()), 400, "invalid_code")
    walk.soon("Every session has ended", lambda: walk.is_refused(member.session.access))
    old = walk.log_in(member.email, member.password)
    walk.prove("The old password opens nothing", old, 401, "invalid_credentials")
    walk.prove("The new one does", walk.log_in(member.email, chosen), 200)
    walk.told("The owner is told by mail", member.email)


def moving(walk: Walk) -> None:
    """An account moves to another address when its mail is read there."""
    if not walk.reads_mail:
        return
    member, new = walk.member("marie"), walk.address("marie-new")
    token = member.session.access
    wrong = walk.send("POST", f"{AUTH}/email", token, json={"email": new, "password": "not hers at all"})
    walk.prove("The password is asked for", wrong, 401, "invalid_credentials")
    asked = walk.send("POST", f"{AUTH}/email", token, json={"email": new, "password": member.password})
    walk.prove("Another address is asked for", asked, 202)
    pin = walk.next_secret(new)
    walk.prove("The account is still at the old one", walk.log_in(member.email, member.password), 200)
    walk.prove("The code confirms it", walk.send("PATCH", f"{AUTH}/email", token, json={"pin": pin}), 204)
    me = walk.expect("the profile", walk.send("GET", f"{USERS}/me", token), 200)
    walk.check("The session goes on, at the new address", me["email"] == new, me)
    old = walk.log_in(member.email, member.password)
    walk.prove("Nobody is at the old one", old, 401, "invalid_credentials")
    walk.told("... which is told by mail", member.email)


def _register(walk: Walk, email: str, password: str) -> httpx2.Response:
    body = {"email": email, "password": password, "name": f"Nina of {walk.run}"}
    return walk.send("POST", f"{AUTH}/register", json=body)


def _accept(walk: Walk, code: str, password: str) -> httpx2.Response:
    return walk.send("POST", f"{AUTH}/invitations/accept", json={"code": code, "password": password})


def _ask(walk: Walk, email: str) -> httpx2.Response:
    return walk.send("POST", f"{AUTH}/password/reset", json={"email": email})


def _reset(walk: Walk, email: str, pin: str, password: str) -> httpx2.Response:
    body = {"email": email, "pin": pin, "new_password": password}
    return walk.send("PATCH", f"{AUTH}/password/reset", json=body)
