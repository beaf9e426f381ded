"""Tokens, sessions, and verification for a proxy."""

import httpx2

from e2e.context import Context, Member, Session
from e2e.probe import AUTH, USERS


def without_a_token(context: Context) -> None:
    """Requests without a valid token are rejected."""
    rejected = context.send("GET", f"{USERS}/me")
    problem = context.prove("The directory requires an access token", rejected, 401, "not_authenticated")
    context.check(
        "A rejection is a problem document (RFC 9457) with the request id",
        rejected.headers["content-type"].startswith("application/problem+json")
        and problem["request_id"] == rejected.headers["x-request-id"]
        and problem["type"] == "urn:doorward:problem:not_authenticated",
        problem,
    )
    forged = context.send("GET", f"{USERS}/me", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.")
    context.prove("A token without a signature is rejected", forged, 401, "invalid_token")
    keys = context.send("GET", f"{AUTH}/jwks.json")
    body = context.prove("The public keys can be read without a token", keys, 200)
    context.check("They contain no secret", not [key for key in body["keys"] if {"k", "d"} & key.keys()])


def logging_in(context: Context) -> None:
    """The right password opens a session, and a wrong one reveals nothing."""
    unknown = context.log_in(context.address("unknown"), "not the right password")
    context.prove("An unknown address is rejected", unknown, 401, "invalid_credentials")
    me = context.expect(
        "a signed-in user can read /me", context.send("GET", f"{AUTH}/me", context.admin), 200
    )
    context.check(
        "ADMIN_EMAIL and ADMIN_PASSWORD belong to an administrator", me["role"] == "admin", me["role"]
    )
    member = context.member("ada")
    wrong = context.log_in(member.email, "not the right password")
    body = context.prove("A wrong password is rejected", wrong, 401, "invalid_credentials")
    same = {"title", "detail", "code", "type"}
    context.check(
        "... with the same problem as an unknown address",
        all(body[name] == unknown.json()[name] for name in same),
        body,
    )
    login = context.log_in(member.email.upper(), member.password)
    tokens = context.prove("Login ignores the case of the address", login, 200)
    context.check(
        "The response is that of OAuth2, and is not cached",
        tokens["token_type"] == "Bearer" and login.headers["cache-control"] == "no-store",
        tokens.keys(),
    )
    form = {"grant_type": "password", "username": member.email, "password": member.password}
    context.prove("The form of RFC 6749 is accepted", context.send("POST", f"{AUTH}/token", data=form), 200)


def refreshing(context: Context) -> None:
    """A refresh token is valid once; its reuse ends the session."""
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
    third = context.prove("The successor is accepted", _refresh(context, second["refresh_token"]), 200)
    copied = _refresh(context, member.session.refresh)
    context.prove("Reuse of the first token is rejected", copied, 401, "invalid_refresh_token")
    ended = _refresh(context, third["refresh_token"])
    context.prove("... and ends the session", ended, 401, "invalid_refresh_token")
    context.soon(
        "... with its access tokens, on both services", lambda: context.is_rejected(third["access_token"])
    )


def sessions(context: Context) -> None:
    """Users list their sessions and end them."""
    member = context.member("sara")
    elsewhere = context.sign_in(member.email, member.password)
    items = context.prove("Sessions are listed", _sessions(context, member.session), 200)["items"]
    context.check(
        "Two logins are two sessions, and one is marked as current",
        len(items) == 2 and [item["current"] for item in items].count(True) == 1,
        items,
    )
    other = next(item["id"] for item in items if not item["current"])
    ended = context.send("DELETE", f"{AUTH}/sessions/{other}", member.session.access)
    context.prove("The other session is ended", ended, 204)
    context.prove(
        "... it cannot be refreshed", _refresh(context, elsewhere.refresh), 401, "invalid_refresh_token"
    )
    context.soon("... and its access token is rejected", lambda: context.is_rejected(elsewhere.access))
    context.prove(
        "The current session continues", context.send("GET", f"{USERS}/me", member.session.access), 200
    )
    foreign = context.send("DELETE", f"{AUTH}/sessions/{other}", context.admin)
    context.prove("A session of another user is not found", foreign, 404, "session_not_found")


def logging_out(context: Context) -> None:
    """Logout invalidates both tokens of the session."""
    member = context.member("lena")
    context.prove("Logging out", context.send("POST", f"{AUTH}/logout", member.session.access), 204)
    rejected = _refresh(context, member.session.refresh)
    context.prove("The refresh token is rejected", rejected, 401, "invalid_refresh_token")
    context.soon("The access token is rejected", lambda: context.is_rejected(member.session.access))


def asking_for_a_proxy(context: Context) -> None:
    """A proxy verifies a token and learns the caller."""
    member = context.member("vera")
    let_in = context.send("GET", f"{AUTH}/verify", member.session.access)
    context.prove("A signed-in user is accepted", let_in, 204)
    context.check(
        "... and returned with id and role",
        _identity_headers(let_in) == (member.id, "user"),
        _identity_headers(let_in),
    )
    asked = context.send("GET", f"{AUTH}/verify?role=admin", member.session.access)
    context.prove("A required role rejects a user without it", asked, 403, "insufficient_permission")
    context.prove(
        "... and accepts an administrator",
        context.send("GET", f"{AUTH}/verify?role=admin", context.admin),
        204,
    )
    context.prove(
        "A request without a token is rejected",
        context.send("GET", f"{AUTH}/verify"),
        401,
        "not_authenticated",
    )
    lied = context.send(
        "GET", f"{AUTH}/verify", headers={"X-Doorward-User": member.id, "X-Doorward-Role": "admin"}
    )
    context.prove("Forged identity headers are ignored", lied, 401, "not_authenticated")


def is_signed_in(context: Context, member: Member) -> bool:
    """Whether the first session of a user is still valid."""
    return context.send("GET", f"{USERS}/me", member.session.access).status_code == 200


def _refresh(context: Context, token: str) -> httpx2.Response:
    return context.send("POST", f"{AUTH}/refresh-token", json={"refresh_token": token})


def _sessions(context: Context, session: Session) -> httpx2.Response:
    return context.send("GET", f"{AUTH}/sessions", session.access)


def _identity_headers(response: httpx2.Response) -> tuple[str | None, str | None]:
    return response.headers.get("x-doorward-user"), response.headers.get("x-doorward-role")
