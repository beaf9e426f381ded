"""The claims of access tokens that carry a user's groups, and the most that they carry."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from doorward_client.tokens import MAX_TOKEN_LENGTH

MAX_GROUPS: Final = 50
"""Names in a token; `groups_overage` tells of more."""


def group_claims(names: Sequence[str]) -> dict[str, Any]:
    """Return the claims for names of which there is one past MAX_GROUPS if there are more."""
    claims: dict[str, Any] = {"groups": list(names[:MAX_GROUPS])}
    return claims | {"groups_overage": True} if len(names) > MAX_GROUPS else claims


def sign_with_groups(
    claims: Mapping[str, Any], names: Sequence[str], sign: Callable[[Mapping[str, Any]], str]
) -> str:
    """Sign an access token with a user's groups.

    Names that would make it longer than verifiers accept are left out, and `groups_overage` says so.
    """
    complete = sign({**claims, **group_claims(names)})
    return complete if len(complete) <= MAX_TOKEN_LENGTH else sign({**claims, "groups_overage": True})
