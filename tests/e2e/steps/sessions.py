"""Coming in and staying in: tokens, sessions, and the question that a proxy asks."""

import httpx2

from e2e.context import Context, Member, Session
from e2e.probe import AUTH, USERS


def without_a_token(context: Context) -> None:
    """Nobody is let in who does not say who they are."""
    refused = context.send("GET", f"{USERS}/me")
    problem = context.prove("The directory asks for an access token", refused, 401, "not_authenticated")
    context.check(
        "A refusal is a problem document (RFC 9457) that names its request",
        refused.headers["content-type"].startswith("application/problem+json")
        and problem["request_id"] == refused.headers["x-request-id"]
        and problem["type"] == "urn:doorward:problem:not_authenticated",
        problem,
    )
    forged = context.send("GET", f"{USERS}/me", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.")
    context.prove("A token without a signature is none", forged, 401, "invalid_token")
    keys = context.send("GET", f"{AUTH}/jwks.json")
    body = context.prove("Everybody may read the public keys", keys, 200)
    context.check(
        "No key among them is a secret", not [key for key in body["keys"] if {"k", "d"} & key.keys()]
    )


def logging_in(context: Context) -> None:
    """A right password opens a session, and a wrong one says nothing."""
    stranger = context.log_in(context.address("nobody"), "not a password of anybody")
    context.prove("An unknown address is refused", stranger, 401, "invalid_credentials")
    me = context.expect(
        "whoever is signed in can look", context.send("GET", f"{AUTH}/me", context.admin), 200
    )
    context.check("ADMIN_EMAIL and ADMIN_PASSWORD are an administrator's", me["role"] == "admin", me["role"])
    member = context.member("ada")
    wrong = context.log_in(member.email, "not a password of anybody")
    body = context.prove("A wrong password is refused", wrong, 401, "invalid_credentials")
    same = {"title", "detail", "code", "type"}
    context.check(
        "... in the same words as an unknown address",
        all(body[name] == stranger.json()[name] for name in same),
        body,
    )
    login = context.log_in(member.email.upper(), member.password)
    tokens = context.prove("The address counts in whatever case", login, 200)
    context.check(
        "The answer is what OAuth2 clients expect, and no cache keeps it",
        tokens["token_type"] == "Bearer" and login.headers["cache-control"] == "no-store",
        tokens.keys(),
    )
    form = {"grant_type": "password", "username": member.email, "password": member.password}
    context.prove("They may send the form of RFC 6749", context.send("POST", f"{AUTH}/token", data=form), 200)


def refreshing(context: Context) -> None:
    """A refresh token is good once; a copy of it ends the session."""
    member = context.member("rosa")
    first = _refresh(context, member.session.refresh)
    second = context.prove("A refresh token is exchanged for a new pair", first, 200)
    again = context.prove(
        "A client that lost the answer may ask again at once",
        _refresh(context, member.session.refresh),
        200,
    )
    context.check(
        "... and gets the same successor",
        again["refresh_token"] == second["refresh_token"] != member.session.refresh,
    )
    third = context.prove("The successor works in turn", _refresh(context, second["refresh_token"]), 200)
    copied = _refresh(context, member.session.refresh)
    context.prove("The first one, shown later, was copied", copied, 401, "invalid_refresh_token")
    ended = _refresh(context, third["refresh_token"])
    context.prove("... so the whole session has ended", ended, 401, "invalid_refresh_token")
    context.soon(
        "... with its access tokens, on both services", lambda: context.is_refused(third["access_token"])
    )


def sessions(context: Context) -> None:
    """People see where they are logged in, and end what they do not know."""
    member = context.member("sara")
    elsewhere = context.sign_in(member.email, member.password)
    items = context.prove("Sessions are listed", _sessions(context, member.session), 200)["items"]
    context.check(
        "Two logins are two sessions, and one says that it is this one",
        len(items) == 2 and [one["current"] for one in items].count(True) == 1,
        items,
    )
    other = next(one["id"] for one in items if not one["current"])
    ended = context.send("DELETE", f"{AUTH}/sessions/{other}", member.session.access)
    context.prove("The other one is ended from here", ended, 204)
    context.prove(
        "... it cannot be refreshed", _refresh(context, elsewhere.refresh), 401, "invalid_refresh_token"
    )
    context.soon("... and its access token is refused", lambda: context.is_refused(elsewhere.access))
    context.prove("This session goes on", context.send("GET", f"{USERS}/me", member.session.access), 200)
    strangers = context.send("DELETE", f"{AUTH}/sessions/{other}", context.admin)
    context.prove("Somebody else's session is not there to be ended", strangers, 404, "session_not_found")


def logging_out(context: Context) -> None:
    """Both tokens of a session die with it."""
    member = context.member("lena")
    context.prove("Logging out", context.send("POST", f"{AUTH}/logout", member.session.access), 204)
    refused = _refresh(context, member.session.refresh)
    context.prove("The refresh token is worth nothing", refused, 401, "invalid_refresh_token")
    context.soon("The access token is refused", lambda: context.is_refused(member.session.access))


def asking_for_a_proxy(context: Context) -> None:
    """A proxy asks whether to let somebody through, and who it is."""
    member = context.member("vera")
    let_in = context.send("GET", f"{AUTH}/verify", member.session.access)
    context.prove("Whoever is signed in is let through", let_in, 204)
    context.check("... by name and role", _told(let_in) == (member.id, "user"), _told(let_in))
    asked = context.send("GET", f"{AUTH}/verify?role=admin", member.session.access)
    context.prove("A user is no administrator", asked, 403, "insufficient_permission")
    context.prove("An administrator is", context.send("GET", f"{AUTH}/verify?role=admin", context.admin), 204)
    context.prove(
        "Without a token there is nobody", context.send("GET", f"{AUTH}/verify"), 401, "not_authenticated"
    )
    lied = context.send(
        "GET", f"{AUTH}/verify", headers={"X-Doorward-User": member.id, "X-Doorward-Role": "admin"}
    )
    context.prove("Saying who one is in those headers is worth nothing", lied, 401, "not_authenticated")


def still_in(context: Context, member: Member) -> bool:
    """Tell whether somebody's first session still lives."""
    return context.send("GET", f"{USERS}/me", member.session.access).status_code == 200


def _refresh(context: Context, token: str) -> httpx2.Response:
    return context.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": token})


def _sessions(context: Context, session: Session) -> httpx2.Response:
    return context.send("GET", f"{AUTH}/sessions", session.access)


def _told(response: httpx2.Response) -> tuple[str | None, str | None]:
    return response.headers.get("x-doorward-user"), response.headers.get("x-doorward-role")
