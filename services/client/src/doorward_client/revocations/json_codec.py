"""How changes are written: by `GET /revocations` and on the exchange."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson

from doorward_client.revocations.models import Changes
from doorward_client.tokens import MAX_LEEWAY_SECONDS

LONGEST_SECONDS: Final = 3_600.0 + MAX_LEEWAY_SECONDS
"""No token is believed for longer, whatever a message says."""

CURSOR_HEADER: Final = "Doorward-Cursor"
"""With a 304: the cursor to go on with. Whoever has the same list has all that it was made of."""


def dump(changes: Changes) -> bytes:
    """Write changes as JSON."""
    return orjson.dumps(
        {
            "sessions": [{"id": one, "expires_in": seconds} for one, seconds in changes.sessions.items()],
            "users": [
                {"id": one, "token_version": token_version, "expires_in": seconds}
                for one, (token_version, seconds) in changes.users.items()
            ],
            "cursor": changes.cursor,
        }
    )


def load(text: bytes, *, age: float = 0.0) -> Changes:
    """Read changes; raises ValueError for anything that `dump` does not write."""
    try:
        document: Mapping[str, Any] = orjson.loads(text)
        return Changes(
            {uuid.UUID(one["id"]): _seconds(one) for one in document["sessions"]},
            {uuid.UUID(one["id"]): (int(one["token_version"]), _seconds(one)) for one in document["users"]},
            document["cursor"],
            age,
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"no list of revocations ({type(error).__name__})") from None


def _seconds(entry: Mapping[str, Any]) -> float:
    return min(float(entry["expires_in"]), LONGEST_SECONDS)
