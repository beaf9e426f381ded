"""`python -m bench.hashing SECONDS`: Argon2id and nothing else; prints hashes a CPU-second."""

import sys
import time
from typing import Final

from argon2 import PasswordHasher, Type

from doorward_identity.settings import Argon2Settings

_WARM_UP: Final = 3


def hashes_per_cpu_second(seconds: float) -> float:
    """Hash on this one thread for so long, with the parameters that the services default to."""
    fields = Argon2Settings.model_fields
    hasher = PasswordHasher(
        time_cost=fields["argon2_time_cost"].default,
        memory_cost=fields["argon2_memory_kib"].default,
        parallelism=fields["argon2_parallelism"].default,
        type=Type.ID,
    )
    for _ in range(_WARM_UP):
        hasher.hash("correct horse battery staple")
    started = time.process_time()
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        hasher.hash("correct horse battery staple")
        count += 1
    return count / (time.process_time() - started)


if __name__ == "__main__":
    print(hashes_per_cpu_second(float(sys.argv[1])))
