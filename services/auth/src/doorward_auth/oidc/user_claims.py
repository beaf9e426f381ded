"""The claims about a user, by scope: the same in ID tokens and at the userinfo endpoint."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from doorward_auth.group_claims import group_claims
from doorward_auth.oidc import scopes


class UserProfile(Protocol):
    """What the standard claims contain of a user."""

    @property
    def email(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def is_verified(self) -> bool: ...


def claims_of(
    account: UserProfile, granted: Collection[str], group_names: Sequence[str] | None
) -> dict[str, Any]:
    """Return the standard claims (OpenID Connect Core section 5.4), without those that have no value.

    `group_names` are those of `groups.granted_names`.
    """
    claims: dict[str, Any] = {}
    # An upstream may have said no address.
    address = account.email or None
    if scopes.PROFILE in granted:
        # Some applications tell users apart by it. An address that is not proven may be another user's, and
        # no claim of `profile` says so.
        username = address if account.is_verified else None
        claims |= {"name": account.name or None, "preferred_username": username}
    if scopes.EMAIL in granted and address is not None:
        claims |= {"email": address, "email_verified": account.is_verified}
    if scopes.GROUPS in granted and group_names is not None:
        claims |= group_claims(group_names)
    return {name: value for name, value in claims.items() if value is not None}
