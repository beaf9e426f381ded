"""The state of an upstream's tokens, as the API and event streams show it."""

from enum import StrEnum

from doorward_auth.upstream.grants.models import GrantRow, GrantState


class LinkState(StrEnum):
    """Whether the upstream's tokens of a user can be used."""

    ACTIVE = "active"
    PENDING = "pending"
    """The last refresh failed, and the next one follows by itself."""
    REAUTH_REQUIRED = "reauth_required"
    NONE = "none"
    """There are no tokens: every session with this upstream has ended."""


def state_of(row: GrantRow | None) -> LinkState:
    """Return what a grant, or none, means to its user."""
    if row is None or row.state == GrantState.ENDED:
        return LinkState.NONE
    if not row.is_refreshable:
        return LinkState.REAUTH_REQUIRED
    return LinkState.PENDING if row.attempts else LinkState.ACTIVE
