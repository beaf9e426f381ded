"""How a user was authenticated, as sessions store it and tokens say it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Authentication:
    """When a user last gave a proof, how strong it was, and by what: RFC 8176 names with spaces between."""

    auth_time: datetime
    acr: str
    amr: str

    def claims(self) -> dict[str, Any]:
        """Return the claims of tokens."""
        return {
            "auth_time": int(self.auth_time.timestamp()),
            "acr": self.acr,
            "amr": self.amr.split(" "),
        }
