"""What a limit counts."""

import hashlib
import uuid
from dataclasses import dataclass

from doorward_kit.client_ip import source_of
from doorward_kit.rate_limiting.algorithms import Limit


@dataclass(frozen=True, slots=True)
class LimitKey:
    """A limit, and the hash of what it counts: no address and no account is stored in clear."""

    limit: Limit
    hash: bytes

    @classmethod
    def of(cls, limit: Limit, subject: str | uuid.UUID) -> "LimitKey":
        """Return the key of an email key, an id, or a source."""
        raw = subject.encode("utf-8", "surrogatepass") if isinstance(subject, str) else subject.bytes
        return cls(limit, hashlib.sha256(limit.name.encode("ascii") + b"\0" + raw).digest())

    @classmethod
    def of_source(cls, limit: Limit, ip_address: str) -> "LimitKey":
        """Return the key of a source (see `source_of`)."""
        return cls.of(limit, source_of(ip_address))
