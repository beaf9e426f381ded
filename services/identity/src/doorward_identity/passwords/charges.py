"""Whom a hash is charged to: the fewer hashes for them lately, the sooner it is computed."""

import uuid

from doorward_client.request_context import current_address
from doorward_kit.client_ip import source_of
from doorward_kit.fair_executor import Charge


def by_source() -> Charge:
    """Charge the caller's source, for callers of whom nothing else is known."""
    return Charge((_source(),))


def by_stranger(email_key: str) -> Charge:
    """Charge the source, and those from anywhere who name the same address without a known device."""
    return Charge((_source(), ("address", email_key)))


def by_mailbox(email_key: str) -> Charge:
    """Charge the address of a caller who has proven to read its mail, and has no account yet; preferred."""
    return Charge((("mailbox", email_key),), is_preferred=True)


def by_owner(user_id: uuid.UUID) -> Charge:
    """Charge the account of a caller who has proven to be its owner, or has a device that it knows.

    Preferred, and without the source: its other users do not matter.
    """
    return Charge((("account", user_id),), is_preferred=True)


def _source() -> tuple[str, str]:
    return "source", source_of(current_address())
