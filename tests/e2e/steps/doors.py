"""Coming in and staying in: tokens, sessions, and the question that a proxy asks."""

import httpx2

from e2e.probe import AUTH, USERS
from e2e.walk import Member, Session, Walk


def without_a_token(walk: Walk) -> None:
    """Nobody is let in who does not say who they are."""
    refused = walk.send("GET", f"{USERS}/me")
    problem = walk.prove("The directory asks for an access token", refused, 401, "not_authenticated")
    walk.check(
        "A refusal is a problem document (RFC 9457) that names its request",
        refused.headers["content-type"].startswith("application/problem+json")
        and problem["request_id"] == refused.headers["x-request-id"]
        and problem["type"] == "urn:doorward:problem:not_authenticated",
        problem,
    )
    forged = walk.send("GET", f"{USERS}/me", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.")
    walk.prove("A token without a signature is none", forged, 401, "invalid_token")
    keys = walk.send("GET", f"{AUTH}/jwks.json")
    body = walk.prove("Everybody may read the public keys", keys, 200)
    walk.check("No key among them is a secret", not [key for key in body["keys"] if {"k", "d"} & key.keys()])


def logging_in(walk: Walk) -> None:
    """A right password opens a session, and a wrong one says nothing."""
    stranger = walk.log_in(walk.address("nobody"), "not a password of anybody")
    walk.prove("An unknown address is refused", stranger, 401, "invalid_credentials")
    me = walk.expect("whoever is signed in can look", walk.send("GET", f"{AUTH}/me", walk.admin), 200)
    walk.check("ADMIN_EMAIL and ADMIN_PASSWORD are an administrator's", me["role"] == "admin", me["role"])
    member = walk.member("ada")
    wrong = walk.log_in(member.email, "not a password of anybody")
    body = walk.prove("A wrong password is refused", wrong, 401, "invalid_credentials")
    same = {"title", "detail", "code", "type"}
    walk.check(
        "... in the same words as an unknown address",
        all(body[name] == stranger.json()[name] for name in same),
        body,
    )
    login = walk.log_in(member.email.upper(), member.password)
    tokens = walk.prove("The address counts in whatever case", login, 200)
    walk.check(
        "The answer is what OAuth2 clients expect, and no cache keeps it",
        tokens["token_type"] == "Bearer" and login.headers["cache-control"] == "no-store",
        tokens.keys(),
    )
    form = {"grant_type": "password", "username": member.email, "password": member.password}
    walk.prove("They may send the form of RFC 6749", walk.send("POST", f"{AUTH}/token", data=form), 200)


def refreshing(walk: Walk) -> None:
    """A refresh token is good once; a copy of it ends the session."""
    member = walk.member("rosa")
    first = _refresh(walk, member.session.refresh)
    second = walk.prove("A refresh token is exchanged for a new pair", first, 200)
    again = walk.prove(
        "A client that lost the answer may ask again at once",
        _refresh(walk, member.session.refresh),
        200,
    )
    walk.check(
        "... and gets the same successor",
        again["refresh_token"] == second["refresh_token"] != member.session.refresh,
    )
    third = walk.prove("The successor works in turn", _refresh(walk, second["refresh_token"]), 200)
    copied = _refresh(walk, member.session.refresh)
    walk.prove("The first one, shown later, was copied", copied, 401, "invalid_refresh_token")
    ended = _refresh(walk, third["refresh_token"])
    walk.prove("... so the whole session has ended", ended, 401, "invalid_refresh_token")
    walk.soon("... with its access tokens, on both services", lambda: walk.is_refused(third["access_token"]))


def sessions(walk: Walk) -> None:
    """People see where they are logged in, and end what they do not know."""
    member = walk.member("sara")
    elsewhere = walk.sign_in(member.email, member.password)
    items = walk.prove("Sessions are listed", _sessions(walk, member.session), 200)["items"]
    walk.check(
        "Two logins are two sessions, and one says that it is this one",
        len(items) == 2 and [one["current"] for one in items].count(True) == 1,
        items,
    )
    other = next(one["id"] for one in items if not one["current"])
    ended = walk.send("DELETE", f"{AUTH}/sessions/{other}", member.session.access)
    walk.prove("The other one is ended from here", ended, 204)
    walk.prove("... it cannot be refreshed", _refresh(walk, elsewhere.refresh), 401, "invalid_refresh_token")
    walk.soon("... and its access token is refused", lambda: walk.is_refused(elsewhere.access))
    walk.prove("This session goes on", walk.send("GET", f"{USERS}/me", member.session.access), 200)
    strangers = walk.send("DELETE", f"{AUTH}/sessions/{other}", walk.admin)
    walk.prove("Somebody else's session is not there to be ended", strangers, 404, "session_not_found")


def logging_out(walk: Walk) -> None:
    """Both tokens of a session die with it."""
    member = walk.member("lena")
    walk.prove("Logging out", walk.send("POST", f"{AUTH}/logout", member.session.access), 204)
    refused = _refresh(walk, member.session.refresh)
    walk.prove("The refresh token is worth nothing", refused, 401, "invalid_refresh_token")
    walk.soon("The access token is refused", lambda: walk.is_refused(member.session.access))


def asking_for_a_proxy(walk: Walk) -> None:
    """A proxy asks whether to let somebody through, and who it is."""
    member = walk.member("vera")
    let_in = walk.send("GET", f"{AUTH}/verify", member.session.access)
    walk.prove("Whoever is signed in is let through", let_in, 204)
    walk.check("... by name and role", _told(let_in) == (member.id, "user"), _told(let_in))
    asked = walk.send("GET", f"{AUTH}/verify?role=admin", member.session.access)
    walk.prove("A user is no administrator", asked, 403, "insufficient_permission")
    walk.prove("An administrator is", walk.send("GET", f"{AUTH}/verify?role=admin", walk.admin), 204)
    walk.prove(
        "Without a token there is nobody", walk.send("GET", f"{AUTH}/verify"), 401, "not_authenticated"
    )
    lied = walk.send(
        "GET", f"{AUTH}/verify", headers={"X-Doorward-User": member.id, "X-Doorward-Role": "admin"}
    )
    walk.prove("Saying who one is in those headers is worth nothing", lied, 401, "not_authenticated")


def still_in(walk: Walk, member: Member) -> bool:
    """Tell whether somebody's first session still lives."""
    return walk.send("GET", f"{USERS}/me", member.session.access).status_code == 200


def _refresh(walk: Walk, token: str) -> httpx2.Response:
    return walk.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": token})


def _sessions(walk: Walk, session: Session) -> httpx2.Response:
    return walk.send("GET", f"{AUTH}/sessions", session.access)


def _told(response: httpx2.Response) -> tuple[str | None, str | None]:
    return response.headers.get("x-doorward-user"), response.headers.get("x-doorward-role")
