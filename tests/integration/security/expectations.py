"""What every caller may do on every route: the one table that the authorization matrix reads.

Keys are (method, path) of the OpenAPI documents; a route without a row fails the tests. Values give
the status for each role, or for each role by whose account it is about (own, other, unknown).
"""

from collections.abc import Mapping
from typing import Any, Final

from integration.harness.people import PASSWORD

ROLES: Final = ("anonymous", "garbage", "disabled", "user", "admin")
"""`disabled` was disabled after its login and still holds its access token, which was revoked."""

OWNERSHIPS: Final = ("own", "other", "unknown")

Statuses = Mapping[str, int | Mapping[str, int]]


def about(own: int, other: int, unknown: int) -> Mapping[str, int]:
    """Give a status for each ownership."""
    return {"own": own, "other": other, "unknown": unknown}


_OPEN: Final = dict.fromkeys(ROLES, 200)
_NOBODY: Final = {"anonymous": 401, "garbage": 401}
_ADMINS_ONLY: Final = {**_NOBODY, "disabled": 401, "user": 403}

# Registered services have secrets of their own: no person's token opens these.
_CLIENTS_ONLY: Final = dict.fromkeys(ROLES, 401)


def _own_or_admin(status: int) -> Statuses:
    """Give the statuses of what its author and administrators see, and nobody else knows of."""
    return {
        **_NOBODY,
        "disabled": 401,
        "user": about(status, 404, 404),
        "admin": about(status, status, 404),
    }


EXPECTED: Final[Mapping[tuple[str, str], Statuses]] = {
    ("POST", "/api/v1/auth/token"): _OPEN,
    ("POST", "/api/v1/auth/refresh-token"): _OPEN,
    ("GET", "/api/v1/auth/jwks.json"): _OPEN,
    # Metadata is there once the issuer is a URL; here it is a name.
    ("GET", "/.well-known/oauth-authorization-server/api/v1/auth"): dict.fromkeys(ROLES, 404),
    ("GET", "/api/v1/auth/.well-known/oauth-authorization-server"): dict.fromkeys(ROLES, 404),
    ("GET", "/api/v1/auth/verify"): {**_NOBODY, "disabled": 401, "user": 204, "admin": 204},
    ("GET", "/api/v1/auth/revocations"): _CLIENTS_ONLY,
    ("GET", "/api/v1/auth/deletions"): _CLIENTS_ONLY,
    ("GET", "/api/v1/auth/accounts"): _CLIENTS_ONLY,
    ("POST", "/api/v1/auth/introspect"): _CLIENTS_ONLY,
    ("POST", "/api/v1/auth/revoke"): _CLIENTS_ONLY,
    ("GET", "/api/v1/auth/me"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("POST", "/api/v1/auth/logout"): {**_NOBODY, "disabled": 401, "user": 204, "admin": 204},
    ("DELETE", "/api/v1/auth/logout"): {**_NOBODY, "disabled": 401, "user": 204, "admin": 204},
    ("GET", "/api/v1/auth/sessions"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("DELETE", "/api/v1/auth/sessions"): {**_NOBODY, "disabled": 401, "user": 204, "admin": 204},
    ("DELETE", "/api/v1/auth/sessions/{session_id}"): {
        **_NOBODY,
        "disabled": 401,
        "user": about(204, 404, 404),
        "admin": about(204, 404, 404),
    },
    # Ending what is not there is no error: whoever asks for it has it.
    ("DELETE", "/api/v1/auth/users/{user_id}/sessions"): {**_ADMINS_ONLY, "admin": 204},
    # Open to strangers, who prove themselves by what they send: here by nothing that counts.
    ("POST", "/api/v1/auth/register"): dict.fromkeys(ROLES, 202),
    ("POST", "/api/v1/auth/verify-email"): dict.fromkeys(ROLES, 400),
    ("POST", "/api/v1/auth/verify-email/resend"): dict.fromkeys(ROLES, 202),
    ("POST", "/api/v1/auth/invitations/accept"): dict.fromkeys(ROLES, 400),
    ("POST", "/api/v1/auth/password/reset"): dict.fromkeys(ROLES, 202),
    ("PATCH", "/api/v1/auth/password/reset"): dict.fromkeys(ROLES, 400),
    ("POST", "/api/v1/auth/password"): {
        "anonymous": 422,
        "garbage": 401,
        "disabled": 401,
        "user": 204,
        "admin": 204,
    },
    ("POST", "/api/v1/auth/email"): {**_NOBODY, "disabled": 401, "user": 202, "admin": 202},
    ("PATCH", "/api/v1/auth/email"): {**_NOBODY, "disabled": 401, "user": 400, "admin": 400},
    ("GET", "/api/v1/auth/mail/dead-letters"): {**_ADMINS_ONLY, "admin": 200},
    ("POST", "/api/v1/auth/mail/dead-letters/{mail_id}/retry"): {**_ADMINS_ONLY, "admin": 404},
    ("DELETE", "/api/v1/auth/mail/dead-letters/{mail_id}"): {**_ADMINS_ONLY, "admin": 404},
    ("GET", "/api/v1/auth/audit"): {**_ADMINS_ONLY, "admin": 200},
    ("GET", "/api/v1/users/me/activity"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("GET", "/api/v1/users/me"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("PATCH", "/api/v1/users/me"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("GET", "/api/v1/users"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("POST", "/api/v1/users"): {**_ADMINS_ONLY, "admin": 201},
    ("GET", "/api/v1/users/{user_id}"): {
        **_NOBODY,
        "disabled": 401,
        "user": about(200, 200, 404),
        "admin": about(200, 200, 404),
    },
    # Those whom the matrix knows have joined.
    ("POST", "/api/v1/users/{user_id}/invitation"): {**_ADMINS_ONLY, "admin": about(409, 409, 404)},
    ("PUT", "/api/v1/users/{user_id}"): {**_ADMINS_ONLY, "admin": about(200, 200, 404)},
    ("PATCH", "/api/v1/users/{user_id}"): {**_ADMINS_ONLY, "admin": about(200, 200, 404)},
    ("DELETE", "/api/v1/users/{user_id}"): {**_ADMINS_ONLY, "admin": about(204, 204, 404)},
    ("GET", "/api/v1/tickets"): {**_NOBODY, "disabled": 401, "user": 200, "admin": 200},
    ("POST", "/api/v1/tickets"): {**_NOBODY, "disabled": 401, "user": 201, "admin": 201},
    ("GET", "/api/v1/tickets/mail/dead-letters"): {**_ADMINS_ONLY, "admin": 200},
    ("POST", "/api/v1/tickets/mail/dead-letters/{mail_id}/retry"): {**_ADMINS_ONLY, "admin": 404},
    ("DELETE", "/api/v1/tickets/mail/dead-letters/{mail_id}"): {**_ADMINS_ONLY, "admin": 404},
    ("GET", "/api/v1/tickets/{ticket_id}"): _own_or_admin(200),
    ("PUT", "/api/v1/tickets/{ticket_id}"): _own_or_admin(200),
    ("PATCH", "/api/v1/tickets/{ticket_id}"): {**_ADMINS_ONLY, "admin": about(200, 200, 404)},
    ("PATCH", "/api/v1/tickets/{ticket_id}/close"): _own_or_admin(200),
    ("PATCH", "/api/v1/tickets/close-ticket/{ticket_id}"): _own_or_admin(200),
    ("GET", "/api/v1/tickets/{ticket_id}/replies"): _own_or_admin(200),
    ("POST", "/api/v1/tickets/{ticket_id}/replies"): _own_or_admin(201),
    ("PUT", "/api/v1/tickets/{ticket_id}/mute"): _own_or_admin(204),
    ("DELETE", "/api/v1/tickets/{ticket_id}/mute"): _own_or_admin(204),
}

BODIES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/api/v1/auth/token"): {"email": "other@example.com", "password": PASSWORD},
    ("POST", "/api/v1/auth/refresh-token"): {"refresh_token": "of other"},
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
    ("PATCH", "/api/v1/users/me"): {"name": "Changed by matrix"},
    ("POST", "/api/v1/users"): {"email": "made@example.com", "name": "Made", "password": PASSWORD},
    ("PUT", "/api/v1/users/{user_id}"): {
        "email": "replaced@example.com",
        "name": "Replaced",
        "role": "user",
        "status": "active",
    },
    ("PATCH", "/api/v1/users/{user_id}"): {"name": "Changed by matrix", "role": "admin"},
    ("POST", "/api/v1/tickets"): {"subject": "Made by matrix", "text": "A text."},
    ("PUT", "/api/v1/tickets/{ticket_id}"): {"text": "Replied by matrix"},
    ("PATCH", "/api/v1/tickets/{ticket_id}"): {"priority": "urgent"},
    ("POST", "/api/v1/tickets/{ticket_id}/replies"): {"text": "Replied by matrix"},
}
"""A body for each route that takes one, with which a caller who may gets what they ask for."""


def expected(method: str, path: str, role: str, ownership: str) -> int:
    """Look a status up; raises KeyError for a route without a row."""
    status = EXPECTED[method, path][role]
    return status if isinstance(status, int) else status[ownership]
