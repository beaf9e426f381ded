"""Scopes: those that have a meaning here (OpenID Connect Core section 5.4), and lists of them.

A client may have others, too.
"""

from collections.abc import Collection, Iterable
from typing import Final

from doorward_client.permissions import FULL_SCOPE, SCOPE_LIST
from doorward_identity.sessions import OFFLINE_ACCESS

OPENID: Final = "openid"
PROFILE: Final = "profile"
EMAIL: Final = "email"
GROUPS: Final = "groups"

OPENID_SCOPES: Final = (OPENID, PROFILE, EMAIL, GROUPS, OFFLINE_ACCESS)

FIRST_PARTY_SCOPES: Final = frozenset({FULL_SCOPE})
"""Scopes for first-party clients alone: a token for Doorward's own services."""


def parse(text: str) -> tuple[str, ...] | None:
    """Return the scopes of a list, each once, in their order; None for what is no list of scopes."""
    if not text:
        return ()
    return tuple(dict.fromkeys(text.split(" "))) if SCOPE_LIST.fullmatch(text) else None


def join(scopes: Iterable[str]) -> str:
    """Return the list as it is stored and sent."""
    return " ".join(scopes)


def narrow(requested: Iterable[str], granted: Collection[str]) -> tuple[str, ...]:
    """Return the scopes of `granted`, in the order of `requested`."""
    return tuple(scope for scope in requested if scope in granted)
