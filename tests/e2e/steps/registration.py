"""Steps that need mail: registration, invitation, password reset, change of address."""

import httpx2

from e2e.context import Context, new_password
from e2e.probe import AUTH, USERS


def registering(context: Context) -> None:
    """A registration becomes an account when the address is verified by mail."""
    email, password = context.address("nina"), new_password()
    common = _register(context, email, "password123")
    context.prove("A common password is rejected", common, 422, "validation_error")
    if not context.reads_mail:  # an unverified registration could not be removed
        return
    asked = _register(context, email, password)
    if asked.status_code == 403:
        context.skip(f"this address cannot register here ({asked.json()['code']})")
        return
    accepted = context.prove("An address is registered", asked, 202)
    found = context.expect(
        "the directory", context.send("GET", USERS, context.admin, params={"q": email}), 200
    )
    context.check("Before verification there is no account", found["items"] == [], found)
    early = context.log_in(email, password)
    context.prove("... and no login", early, 401, "invalid_credentials")
    code, token = context.next_secret(email), str(accepted["registration_token"])
    again = context.send("POST", f"{AUTH}/verify-email/resend", json={"email": email})
    context.prove("The mail is sent once more", again, 202)
    same = context.next_secret(email)
    context.check("... with the same code", same == code, "another code")
    wrong = _verify(context, code[:-4] + "AAAA", registration_token=token)
    context.prove("A wrong code proves nothing", wrong, 400, "invalid_code")
    context.prove("The right one needs a password", _verify(context, code), 422, "password_required")
    right = _verify(context, code, registration_token=token)
    context.prove("The code of the mail makes the account, with the password of its registration", right, 200)
    member = context.joined(email, password)
    me = context.expect("the profile", context.send("GET", f"{USERS}/me", member.session.access), 200)
    context.check(
        "Its owner is a user with a verified address",
        (me["role"], me["email_verified"]) == ("user", True),
        me,
    )
    again = _verify(context, code, password=new_password())
    context.prove("A code counts once", again, 400, "invalid_code")
    known = context.expect("registering again", _register(context, email, new_password()), 202)
    context.check(
        "Registering a known address gets the same answer",
        known["detail"] == accepted["detail"] and known.keys() == accepted.keys(),
        known["detail"],
    )
    context.expect_notification("... and its owner is notified by mail", email)
    context.prove("... whose password is what it was", context.log_in(email, password), 200)


def inviting(context: Context) -> None:
    """An administrator creates the account, and its owner chooses the password."""
    if not context.reads_mail:
        return
    created = context.create("ivan", role="admin")
    user = context.prove("An account without a password is created", created, 201)
    code = context.next_secret(user["email"])
    path = f"{USERS}/{user['id']}/invitation"
    context.prove("Its owner is invited again", context.send("POST", path, context.admin), 202)
    newer, password = context.next_secret(user["email"]), new_password()
    context.check("... with the same code", newer == code, "another code")
    context.prove("A forgotten password is asked for", _ask(context, user["email"]), 202)
    reminder = context.next_secret(user["email"])
    context.check("... and the invitation comes instead", reminder == code, "another code")
    context.prove("The code opens the account", _accept(context, code, password), 200)
    context.prove("... once", _accept(context, code, new_password()), 400, "invalid_code")
    member = context.joined(user["email"], password)
    me = context.expect("the profile", context.send("GET", f"{USERS}/me", member.session.access), 200)
    context.check("The account has the given role", (me["id"], me["role"]) == (user["id"], "admin"), me)
    joined = context.send("POST", path, context.admin)
    context.prove("A user who has joined cannot be invited", joined, 409, "already_joined")


def resetting(context: Context) -> None:
    """A forgotten password is replaced with a mailed PIN."""
    if not context.reads_mail:
        return
    member = context.member("paul")
    asked = context.prove("A code is requested", _ask(context, member.email), 202)
    unknown = context.expect(
        "a request for an unknown address", _ask(context, context.address("unknown")), 202
    )
    context.check("An unknown address gets the same response", asked == unknown, unknown)
    pin, chosen = context.next_secret(member.email), new_password()
    wrong = f"{(int(pin) + 1) % 1_000_000:06d}"
    context.prove(
        "A wrong code is rejected", _reset(context, member.email, wrong, chosen), 400, "invalid_code"
    )
    context.prove("The right code sets the new password", _reset(context, member.email, pin, chosen), 200)
    context.prove("... once", _reset(context, member.email, pin, new_password()), 400, "invalid_code")
    context.soon("Every session has ended", lambda: context.is_rejected(member.session.access))
    old = context.log_in(member.email, member.password)
    context.prove("The old password is rejected", old, 401, "invalid_credentials")
    context.prove("The new password is accepted", context.log_in(member.email, chosen), 200)
    context.expect_notification("The owner is notified by mail", member.email)


def moving(context: Context) -> None:
    """The address of an account changes when the new one is verified by mail."""
    if not context.reads_mail:
        return
    member, new = context.member("marie"), context.address("marie-new")
    token = member.session.access
    wrong = context.send("POST", f"{AUTH}/email", token, json={"email": new, "password": "not hers at all"})
    context.prove("The password is required", wrong, 401, "invalid_credentials")
    asked = context.send("POST", f"{AUTH}/email", token, json={"email": new, "password": member.password})
    context.prove("A change of the address is requested", asked, 202)
    pin = context.next_secret(new)
    context.prove("The old address is still valid", context.log_in(member.email, member.password), 200)
    context.prove(
        "The code confirms the new address",
        context.send("PATCH", f"{AUTH}/email", token, json={"pin": pin}),
        204,
    )
    me = context.expect("the profile", context.send("GET", f"{USERS}/me", token), 200)
    context.check("The session continues with the new address", me["email"] == new, me)
    old = context.log_in(member.email, member.password)
    context.prove("The old address is rejected", old, 401, "invalid_credentials")
    context.expect_notification("... and is notified by mail", member.email)


def _register(context: Context, email: str, password: str) -> httpx2.Response:
    body = {"email": email, "password": password, "name": f"Nina of {context.run}"}
    return context.send("POST", f"{AUTH}/register", json=body)


def _verify(context: Context, code: str, **body: str) -> httpx2.Response:
    return context.send("POST", f"{AUTH}/verify-email", json={"code": code, **body})


def _accept(context: Context, code: str, password: str) -> httpx2.Response:
    return context.send("POST", f"{AUTH}/invitations/accept", json={"code": code, "password": password})


def _ask(context: Context, email: str) -> httpx2.Response:
    return context.send("POST", f"{AUTH}/password/reset", json={"email": email})


def _reset(context: Context, email: str, pin: str, password: str) -> httpx2.Response:
    body = {"email": email, "pin": pin, "new_password": password}
    return context.send("PATCH", f"{AUTH}/password/reset", json=body)
