"""Whether an account at an upstream is in use here.

Then no token of it is revoked: some upstreams issue the same tokens at each login, and others end every token
of a user with one (Keycloak).
"""

import sqlalchemy as sa

from doorward_auth.upstream import identities
from doorward_auth.upstream.grants import repository as grants


def has_live_grant(connection: sa.Connection, provider: str, subject: str | None) -> bool:
    """Tell whether the user of a subject has a live grant there. An unknown subject has none."""
    owner = None if subject is None else identities.find_user(connection, provider, subject)
    if owner is None:
        return False
    rows = grants.list_of_user(connection, owner, provider)
    return any(row.is_wanted and row.is_refreshable for row in rows)
