"""A row of the outbox as it was leased."""

import uuid
from dataclasses import dataclass

from doorward_kit.sealed import Sealed


@dataclass(frozen=True, slots=True, repr=False)
class PendingRevocation:
    """Tokens to revoke. `attempts` includes the current one, and names its lease.

    With `grant_id` the values are sealed for that grant, otherwise for this row.
    """

    id: uuid.UUID
    provider: str
    subject: str | None
    grant_id: uuid.UUID | None
    access_token: Sealed | None
    refresh_token: Sealed | None
    key_id: bytes
    attempts: int


@dataclass(frozen=True, slots=True, repr=False)
class SealedRevocation:
    """The tokens as the database stores them."""

    access: Sealed | None
    refresh: Sealed | None
    key_id: bytes
