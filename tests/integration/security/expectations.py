"""The expected status of every role on every route, from which the authorization matrix is generated.

A row names the permission that a route requires; each role's status follows from ROLE_PERMISSIONS.

Keys are (method, path) of the OpenAPI documents; a route without a row fails the tests. Values give
the status for each role, or for each role by whose account it is about (own, other, unknown).
"""

from collections.abc import Mapping
from typing import Any, Final

from doorward_client.permissions import Permission, Role, permissions_of
from integration.harness.people import PASSWORD
from integration.harness.routes import Route
from support.images import png

ROLES: Final = ("anonymous", "garbage", "disabled", *(role.value for role in Role))
"""`disabled` was disabled after its login and still holds its access token, which was revoked."""

OWNERSHIPS: Final = ("own", "other", "unknown")

Statuses = Mapping[str, int | Mapping[str, int]]


def about(own: int, other: int, unknown: int) -> Mapping[str, int]:
    """Give a status for each ownership."""
    return {"own": own, "other": other, "unknown": unknown}


_UPSTREAM: Final = "/api/v1/auth/upstream"

_OPEN: Final = dict.fromkeys(ROLES, 200)
_UNAUTHENTICATED: Final = {"anonymous": 401, "garbage": 401, "disabled": 401}

# These routes require a client secret; tokens of users are rejected.
_CLIENTS_ONLY: Final = dict.fromkeys(ROLES, 401)


def _signed_in(status: int | Mapping[str, int]) -> Statuses:
    """Give one status to every signed-in user."""
    return {**_UNAUTHENTICATED, **dict.fromkeys(Role, status)}


def _with(permission: Permission, status: int | Mapping[str, int]) -> Statuses:
    """Give the status to the roles that hold the permission, and 403 to the others."""
    return {
        **_UNAUTHENTICATED,
        **{role: status if permission in permissions_of(role) else 403 for role in Role},
    }


def _own_or(permission: Permission, status: int) -> Statuses:
    """Give the status to the author and to holders of the permission; others learn nothing: 404."""
    return {
        **_UNAUTHENTICATED,
        **{role: about(status, status if permission in permissions_of(role) else 404, 404) for role in Role},
    }


def _own_or_with(permission: Permission, status: int) -> Statuses:
    """Give the status for the own account, and for those of others to holders of the permission, else 403."""
    holders = about(status, status, 404)
    others = about(status, 403, 403)
    return {
        **_UNAUTHENTICATED,
        **{role: holders if permission in permissions_of(role) else others for role in Role},
    }


EXPECTED: Final[Mapping[tuple[str, str], Statuses]] = {
    ("POST", "/api/v1/auth/token"): _OPEN,
    ("POST", "/api/v1/auth/refresh-token"): _OPEN,
    ("GET", "/api/v1/auth/jwks.json"): _OPEN,
    # OpenID Connect is off here.
    ("GET", "/.well-known/oauth-authorization-server/api/v1/auth"): dict.fromkeys(ROLES, 404),
    ("GET", "/api/v1/auth/.well-known/oauth-authorization-server"): dict.fromkeys(ROLES, 404),
    ("GET", "/api/v1/auth/.well-known/openid-configuration"): dict.fromkeys(ROLES, 404),
    ("GET", "/api/v1/auth/authorize"): dict.fromkeys(ROLES, 404),
    ("POST", "/api/v1/auth/authorize"): dict.fromkeys(ROLES, 404),
    ("GET", "/api/v1/auth/end-session"): dict.fromkeys(ROLES, 404),
    ("POST", "/api/v1/auth/end-session"): dict.fromkeys(ROLES, 404),
    # It reads the token only while OpenID Connect is on.
    ("GET", "/api/v1/auth/userinfo"): {**dict.fromkeys(ROLES, 404), "anonymous": 401},
    ("POST", "/api/v1/auth/userinfo"): {**dict.fromkeys(ROLES, 404), "anonymous": 401},
    ("GET", "/api/v1/auth/consents"): _signed_in(200),
    ("DELETE", "/api/v1/auth/consents/{client_id}"): _signed_in(404),
    ("GET", "/api/v1/auth/verify"): _signed_in(204),
    ("GET", "/api/v1/auth/revocations"): _CLIENTS_ONLY,
    ("GET", "/api/v1/auth/deleted-users"): _CLIENTS_ONLY,
    ("GET", "/api/v1/auth/users"): _CLIENTS_ONLY,
    ("POST", "/api/v1/auth/introspect"): _CLIENTS_ONLY,
    ("POST", "/api/v1/auth/revoke"): _CLIENTS_ONLY,
    ("POST", "/api/v1/auth/step-up"): _signed_in(200),
    ("GET", "/api/v1/auth/me"): _signed_in(200),
    ("GET", "/api/v1/auth/events"): _signed_in(200),
    ("POST", "/api/v1/auth/logout"): _signed_in(204),
    ("DELETE", "/api/v1/auth/logout"): _signed_in(204),
    ("GET", "/api/v1/auth/sessions"): _signed_in(200),
    ("DELETE", "/api/v1/auth/sessions"): _signed_in(204),
    ("DELETE", "/api/v1/auth/sessions/{session_id}"): _signed_in(about(204, 404, 404)),
    # Ending sessions that do not exist succeeds, because the operation is idempotent.
    ("DELETE", "/api/v1/auth/users/{user_id}/sessions"): _with(Permission.SESSIONS_END, 204),
    # Open without a token; the code in the body authenticates, and here it is invalid.
    ("POST", "/api/v1/auth/register"): dict.fromkeys(ROLES, 202),
    ("POST", "/api/v1/auth/verify-email"): dict.fromkeys(ROLES, 400),
    ("POST", "/api/v1/auth/verify-email/resend"): dict.fromkeys(ROLES, 202),
    ("POST", "/api/v1/auth/invitations/accept"): dict.fromkeys(ROLES, 400),
    ("POST", "/api/v1/auth/password/reset"): dict.fromkeys(ROLES, 202),
    ("PATCH", "/api/v1/auth/password/reset"): dict.fromkeys(ROLES, 400),
    ("POST", "/api/v1/auth/password"): {
        **_signed_in(204),
        "anonymous": 422,
    },
    ("POST", "/api/v1/auth/email"): _signed_in(202),
    ("PATCH", "/api/v1/auth/email"): _signed_in(400),
    ("GET", "/api/v1/auth/mail/dead-letters"): _with(Permission.MAIL_MANAGE, 200),
    ("POST", "/api/v1/auth/mail/dead-letters/{mail_id}/retry"): _with(Permission.MAIL_MANAGE, 404),
    ("DELETE", "/api/v1/auth/mail/dead-letters/{mail_id}"): _with(Permission.MAIL_MANAGE, 404),
    ("GET", "/api/v1/auth/clients"): _with(Permission.CLIENTS_MANAGE, 200),
    ("POST", "/api/v1/auth/clients"): _with(Permission.CLIENTS_MANAGE, 201),
    ("GET", "/api/v1/auth/clients/{row_id}"): _with(Permission.CLIENTS_MANAGE, 404),
    ("PATCH", "/api/v1/auth/clients/{row_id}"): _with(Permission.CLIENTS_MANAGE, 404),
    ("DELETE", "/api/v1/auth/clients/{row_id}"): _with(Permission.CLIENTS_MANAGE, 404),
    ("POST", "/api/v1/auth/clients/{row_id}/secrets"): _with(Permission.CLIENTS_MANAGE, 404),
    ("DELETE", "/api/v1/auth/clients/{row_id}/secrets/{secret_id}"): _with(Permission.CLIENTS_MANAGE, 404),
    ("GET", "/api/v1/auth/audit"): _with(Permission.AUDIT_READ, 200),
    # There is no upstream here (tests/integration/upstream).
    ("GET", f"{_UPSTREAM}"): _signed_in(200),
    ("POST", f"{_UPSTREAM}/{{provider}}/register"): dict.fromkeys(ROLES, 404),
    ("POST", f"{_UPSTREAM}/{{provider}}/token"): dict.fromkeys(ROLES, 404),
    ("POST", f"{_UPSTREAM}/{{provider}}/authorization"): dict.fromkeys(ROLES, 404),
    ("GET", f"{_UPSTREAM}/{{provider}}/callback"): dict.fromkeys(ROLES, 404),
    ("GET", f"{_UPSTREAM}/{{provider}}/token"): _signed_in(404),
    ("POST", f"{_UPSTREAM}/{{provider}}/link"): _signed_in(404),
    ("DELETE", f"{_UPSTREAM}/{{provider}}"): _signed_in(404),
    ("GET", "/api/v1/users/groups"): _with(Permission.USERS_READ, 200),
    ("POST", "/api/v1/users/groups"): _with(Permission.USERS_WRITE, 201),
    ("PATCH", "/api/v1/users/groups/{group_id}"): _with(Permission.USERS_WRITE, 404),
    ("DELETE", "/api/v1/users/groups/{group_id}"): _with(Permission.USERS_WRITE, 404),
    ("GET", "/api/v1/users/groups/{group_id}/members"): _with(Permission.USERS_READ, 404),
    ("PUT", "/api/v1/users/groups/{group_id}/members/{user_id}"): _with(Permission.USERS_WRITE, 404),
    ("DELETE", "/api/v1/users/groups/{group_id}/members/{user_id}"): _with(Permission.USERS_WRITE, 404),
    ("GET", "/api/v1/users/{user_id}/groups"): _with(Permission.USERS_READ, 200),
    ("GET", "/api/v1/users/me/activity"): _signed_in(200),
    ("GET", "/api/v1/users/me"): _signed_in(200),
    ("PATCH", "/api/v1/users/me"): _signed_in(200),
    # No user has a picture.
    ("GET", "/api/v1/users/me/avatar"): _signed_in(404),
    ("PUT", "/api/v1/users/me/avatar"): _signed_in(200),
    ("DELETE", "/api/v1/users/me/avatar"): _signed_in(204),
    ("GET", "/api/v1/users/{user_id}/avatar"): _signed_in(404),
    ("PUT", "/api/v1/users/{user_id}/avatar"): _own_or_with(Permission.USERS_WRITE, 200),
    ("DELETE", "/api/v1/users/{user_id}/avatar"): _own_or_with(Permission.USERS_WRITE, 204),
    ("GET", "/api/v1/users/export"): _with(Permission.USERS_READ, 200),
    ("GET", "/api/v1/users"): _signed_in(200),
    ("POST", "/api/v1/users"): _with(Permission.USERS_WRITE, 201),
    ("GET", "/api/v1/users/{user_id}"): _signed_in(about(200, 200, 404)),
    # The users of the matrix have joined.
    ("POST", "/api/v1/users/{user_id}/invitation"): _with(Permission.USERS_WRITE, about(409, 409, 404)),
    # An administrator's own address is changed by its proof.
    ("PUT", "/api/v1/users/{user_id}"): _with(Permission.USERS_WRITE, about(409, 200, 404)),
    ("PATCH", "/api/v1/users/{user_id}"): _with(Permission.USERS_WRITE, about(200, 200, 404)),
    ("DELETE", "/api/v1/users/{user_id}"): _with(Permission.USERS_WRITE, about(204, 204, 404)),
    ("GET", "/api/v1/tickets"): _signed_in(200),
    ("POST", "/api/v1/tickets"): _signed_in(201),
    ("GET", "/api/v1/tickets/mail/dead-letters"): _with(Permission.MAIL_MANAGE, 200),
    ("POST", "/api/v1/tickets/mail/dead-letters/{mail_id}/retry"): _with(Permission.MAIL_MANAGE, 404),
    ("DELETE", "/api/v1/tickets/mail/dead-letters/{mail_id}"): _with(Permission.MAIL_MANAGE, 404),
    ("GET", "/api/v1/tickets/{ticket_id}"): _own_or(Permission.TICKETS_READ_ALL, 200),
    ("PUT", "/api/v1/tickets/{ticket_id}"): _own_or(Permission.TICKETS_READ_ALL, 200),
    ("PATCH", "/api/v1/tickets/{ticket_id}"): _with(Permission.TICKETS_MANAGE, about(200, 200, 404)),
    ("DELETE", "/api/v1/tickets/{ticket_id}"): _with(Permission.TICKETS_DELETE, about(204, 204, 404)),
    ("PATCH", "/api/v1/tickets/{ticket_id}/close"): _own_or(Permission.TICKETS_READ_ALL, 200),
    ("PATCH", "/api/v1/tickets/close-ticket/{ticket_id}"): _own_or(Permission.TICKETS_READ_ALL, 200),
    ("GET", "/api/v1/tickets/{ticket_id}/replies"): _own_or(Permission.TICKETS_READ_ALL, 200),
    ("POST", "/api/v1/tickets/{ticket_id}/replies"): _own_or(Permission.TICKETS_READ_ALL, 201),
    ("PUT", "/api/v1/tickets/{ticket_id}/subscription"): _own_or(Permission.TICKETS_READ_ALL, 204),
    ("DELETE", "/api/v1/tickets/{ticket_id}/subscription"): _own_or(Permission.TICKETS_READ_ALL, 204),
}

BODIES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/api/v1/auth/token"): {"email": "other@example.com", "password": PASSWORD},
    ("POST", "/api/v1/auth/refresh-token"): {"refresh_token": "of other"},
    ("POST", "/api/v1/auth/step-up"): {"password": PASSWORD},
    ("POST", "/api/v1/auth/register"): {
        "email": "stranger@example.com",
        "name": "Stranger",
        "password": "an unheard-of phrase",
    },
    ("POST", "/api/v1/auth/verify-email"): {"code": "none"},
    ("POST", "/api/v1/auth/verify-email/resend"): {"email": "stranger@example.com"},
    ("POST", "/api/v1/auth/invitations/accept"): {"code": "none", "password": "an unheard-of phrase"},
    ("POST", "/api/v1/auth/password/reset"): {"email": "stranger@example.com"},
    ("PATCH", "/api/v1/auth/password/reset"): {
        "email": "stranger@example.com",
        "pin": "000000",
        "new_password": "an unheard-of phrase",
    },
    ("POST", "/api/v1/auth/password"): {
        "current_password": PASSWORD,
        "new_password": "an unheard-of phrase",
    },
    ("POST", "/api/v1/auth/email"): {"email": "elsewhere@example.com", "password": PASSWORD},
    ("PATCH", "/api/v1/auth/email"): {"pin": "000000"},
    ("POST", f"{_UPSTREAM}/{{provider}}/register"): {
        "email": "stranger@example.com",
        "name": "Stranger",
        "password": "an unheard-of phrase",
    },
    ("POST", f"{_UPSTREAM}/{{provider}}/token"): {"email": "ada@example.com", "password": PASSWORD},
    ("POST", f"{_UPSTREAM}/{{provider}}/authorization"): {
        "redirect_uri": "https://app.example.com/callback",
        "code_challenge": "c" * 43,
    },
    ("POST", f"{_UPSTREAM}/{{provider}}/link"): {"email": "ada@example.com", "password": PASSWORD},
    ("POST", "/api/v1/auth/clients"): {
        "client_id": "matrix",
        "kind": "public",
        "name": "Matrix",
        "redirect_uris": ["https://app.example.com/callback"],
    },
    ("PATCH", "/api/v1/auth/clients/{row_id}"): {"name": "Changed by matrix"},
    ("POST", "/api/v1/users/groups"): {"name": "matrix"},
    ("PATCH", "/api/v1/users/groups/{group_id}"): {"name": "changed-by-matrix"},
    ("PATCH", "/api/v1/users/me"): {"name": "Changed by matrix"},
    ("POST", "/api/v1/users"): {"email": "made@example.com", "name": "Made", "password": PASSWORD},
    ("PUT", "/api/v1/users/{user_id}"): {
        "email": "replaced@example.com",
        "name": "Replaced",
        "role": "user",
        "status": "active",
    },
    ("PATCH", "/api/v1/users/{user_id}"): {"name": "Changed by matrix", "role": "admin"},
    ("POST", "/api/v1/tickets"): {"subject": "Made by matrix", "body": "A text."},
    ("PUT", "/api/v1/tickets/{ticket_id}"): {"body": "Replied by matrix"},
    ("PATCH", "/api/v1/tickets/{ticket_id}"): {"priority": "urgent"},
    ("POST", "/api/v1/tickets/{ticket_id}/replies"): {"body": "Replied by matrix"},
}
"""A valid body for each route that takes JSON."""


def body_of(route: Route) -> dict[str, Any]:
    """Return the options of a request with a valid body, if the route takes one."""
    if route.takes_image:
        return {"content": png(), "headers": {"Content-Type": "image/png"}}
    return {"json": BODIES[route.method, route.path]} if route.takes_json else {}


def expected(method: str, path: str, role: str, ownership: str) -> int:
    """Look a status up; raises KeyError for a route without a row."""
    status = EXPECTED[method, path][role]
    return status if isinstance(status, int) else status[ownership]
