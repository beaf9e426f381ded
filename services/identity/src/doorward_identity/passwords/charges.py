"""The subjects that a hash is charged to: the fewer hashes they had lately, the sooner it is computed."""

import uuid
from collections.abc import Hashable
from typing import Final

from doorward_client.request_context import current_address
from doorward_kit.client_ip import source_of
from doorward_kit.recent_jobs import Charge

_PREFERRED_JOBS: Final = 30.0
_PREFERRED_OF_SOURCE: Final = 120.0
"""An office of a hundred people who arrive in the same minute."""


def by_source() -> Charge:
    """Charge the source of a caller about whom nothing else is known."""
    return Charge((("source", _source()),))


def by_stranger(email_key: str) -> Charge:
    """Charge the source, and all callers without a known device that name the same address."""
    return Charge((("source", _source()), ("address", email_key)))


def by_mailbox(email_key: str) -> Charge:
    """Charge the address of a caller who has proven to read its mail, and has no account yet; preferred."""
    return _preferred("mailbox", email_key)


def by_owner(user_id: uuid.UUID) -> Charge:
    """Charge the account of a caller who has proven to be its owner, or has a device that it knows.

    Preferred, whatever other callers of the same source do.
    """
    return _preferred("account", user_id)


def by_upstream(provider: str) -> Charge:
    """Charge an upstream for work that no caller waits for: callers with fewer recent jobs come first."""
    return Charge((("upstream", provider),))


def _preferred(kind: str, subject: Hashable) -> Charge:
    """Prefer an account, within a limit for its source, too: an attacker may have accounts of their own."""
    return Charge(
        ((kind, subject),),
        preferred_within=(
            ((kind, subject), _PREFERRED_JOBS),
            (("known", _source()), _PREFERRED_OF_SOURCE),
        ),
    )


def _source() -> str:
    return source_of(current_address())
