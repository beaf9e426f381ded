"""`python -m bench.verifier SECONDS`: verify tokens without HTTP; prints CPU-microseconds a call as JSON.

`fresh`: tokens verified for the first time, with a full cache, so that each evicts another. `remembered`:
cached tokens. `revocation_check`: the check against the list of revocations alone.
"""

import itertools
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from bench.signing import new_signer, new_verifier, sign
from doorward_client.permissions import Role
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries
from doorward_client.revocations.revocation_list import RevocationList
from doorward_client.tokens import MAX_REMEMBERED, Claims

REVOKED: Final = 100_000
_TOKENS: Final = MAX_REMEMBERED * 5 // 2
_REMEMBERED: Final = 1_000
_CALLS: Final = 200
"""Calls between two readings of the clock."""

T = TypeVar("T")


def measure(seconds: float) -> dict[str, float]:
    """Measure each kind of call for some seconds."""
    tokens = uncached_tokens()
    return {
        "fresh": _fresh(tokens, seconds),
        "remembered": _remembered(tokens[:_REMEMBERED], seconds),
        "revocation_check": _revocation_check(tokens, seconds),
    }


def uncached_tokens() -> list[str]:
    """Sign so many tokens that, verified in rotation, each has left the cache before its next turn."""
    signer = new_signer()
    return [sign(signer, uuid.uuid4(), Role.USER.value) for _ in range(_TOKENS)]


def _microseconds(call: Callable[[T], object], arguments: Iterator[T], seconds: float) -> float:
    """Return the CPU time of a call, including the loop's own."""
    started, end = time.process_time(), time.monotonic() + seconds
    calls = 0
    while time.monotonic() < end:
        for argument in itertools.islice(arguments, _CALLS):
            call(argument)
        calls += _CALLS
    return (time.process_time() - started) / calls * 1e6


def _fresh(tokens: Sequence[str], seconds: float) -> float:
    verifier = new_verifier(_revocation_list(()))
    supply = itertools.cycle(tokens)
    for token in itertools.islice(supply, MAX_REMEMBERED):
        verifier.verify(token)
    return _microseconds(verifier.verify, supply, seconds)


def _remembered(tokens: Sequence[str], seconds: float) -> float:
    verifier = new_verifier(_revocation_list(()))
    for token in tokens:
        verifier.verify(token)
    return _microseconds(verifier.verify, itertools.cycle(tokens), seconds)


def _revocation_check(tokens: Sequence[str], seconds: float) -> float:
    verifier = new_verifier(RevocationList())
    claims = [verifier.verify(token) for token in tokens]
    # Half of the users are in the list, with the token_version of their tokens: found, but not revoked.
    revocations = _revocation_list(claims[::2])

    def check(claims: Claims) -> None:
        assert not revocations.is_revoked(
            session_id=claims.session_id, user_id=claims.user_id, token_version=claims.token_version
        )

    return _microseconds(check, itertools.cycle(claims), seconds)


def _revocation_list(present: Sequence[Claims]) -> RevocationList:
    """Return REVOKED entries, half sessions and half users; these users are among them."""
    users = {claims.user_id: (claims.token_version, 300.0) for claims in present}
    users.update((uuid.uuid4(), (1, 300.0)) for _ in range(REVOKED // 2 - len(users)))
    revocations = RevocationList()
    sessions = {uuid.uuid4(): 300.0 for _ in range(REVOKED // 2)}
    revocations.apply(FetchedRevocations(RevocationEntries(sessions, users)))
    return revocations


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]))))
