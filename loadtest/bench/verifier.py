"""`python -m bench.verifier SECONDS ROUNDS`: verifying tokens and nothing else; prints JSON.

Each of these is CPU-microseconds a call, one value a round: a token never seen (the memory is full, so
each also pushes one out), a token remembered, and looking a token up in the list of revoked ones.
"""

import itertools
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from bench.rounds import Arm, in_turns
from bench.signing import new_signer, new_verifier, sign
from doorward_client.permissions import Role
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries
from doorward_client.revocations.revocation_list import RevocationList
from doorward_client.tokens import MAX_REMEMBERED, Claims

REVOKED: Final = 100_000
_TOKENS: Final = MAX_REMEMBERED * 5 // 2
_REMEMBERED: Final = 1_000
_CALLS: Final = 200
"""Between two looks at the clock."""

T = TypeVar("T")


def microseconds(call: Callable[[T], object], arguments: Iterator[T], seconds: float) -> float:
    """Return what a call costs, the loop around it included."""
    started, end = time.process_time(), time.monotonic() + seconds
    calls = 0
    while time.monotonic() < end:
        for argument in itertools.islice(arguments, _CALLS):
            call(argument)
        calls += _CALLS
    return (time.process_time() - started) / calls * 1e6


def measure(seconds: float, rounds: int) -> dict[str, list[float]]:
    """Measure every arm and its twin, which must differ by noise alone, in every round."""
    tokens = tokens_of_strangers()
    arms: dict[str, Arm] = {}
    for twin in ("", " again"):
        arms["fresh" + twin] = _fresh(tokens, seconds)
        arms["remembered" + twin] = _remembered(tokens[:_REMEMBERED], seconds)
        arms["check" + twin] = _check(tokens, seconds)
    return in_turns(arms, rounds)


def tokens_of_strangers() -> list[str]:
    """Sign enough tokens that, verified in turn, none is still remembered when it comes again."""
    signer = new_signer()
    return [sign(signer, uuid.uuid4(), Role.USER.value) for _ in range(_TOKENS)]


def _fresh(tokens: Sequence[str], seconds: float) -> Arm:
    verifier = new_verifier(_long_list(()))
    supply = itertools.cycle(tokens)
    for token in itertools.islice(supply, MAX_REMEMBERED):
        verifier.verify(token)
    return lambda: microseconds(verifier.verify, supply, seconds)


def _remembered(tokens: Sequence[str], seconds: float) -> Arm:
    verifier = new_verifier(_long_list(()))
    for token in tokens:
        verifier.verify(token)
    return lambda: microseconds(verifier.verify, itertools.cycle(tokens), seconds)


def _check(tokens: Sequence[str], seconds: float) -> Arm:
    verifier = new_verifier()
    good = [verifier.verify(token) for token in tokens]
    # Half of the bearers are listed with the token_version of their tokens: found, and not revoked.
    revocations = _long_list(good[::2])

    def check(claims: Claims) -> None:
        assert not revocations.is_revoked(
            session_id=claims.session_id, user_id=claims.user_id, token_version=claims.token_version
        )

    return lambda: microseconds(check, itertools.cycle(good), seconds)


def _long_list(present: Sequence[Claims]) -> RevocationList:
    """Make a list of REVOKED entries, half sessions and half users, with these users among them."""
    users = {claims.user_id: (claims.token_version, 300.0) for claims in present}
    users.update((uuid.uuid4(), (1, 300.0)) for _ in range(REVOKED // 2 - len(users)))
    revocations = RevocationList()
    sessions = {uuid.uuid4(): 300.0 for _ in range(REVOKED // 2)}
    revocations.apply(FetchedRevocations(RevocationEntries(sessions, users)))
    return revocations


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]), int(sys.argv[2]))))
