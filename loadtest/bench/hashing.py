"""`python -m bench.hashing SECONDS`: Argon2id alone; prints hashes per CPU-second."""

import sys
import time
from typing import Final

from doorward_identity.passwords.argon2_bindings import PasswordHasher, Type
from doorward_identity.settings import Argon2Settings

_WARM_UP: Final = 3
_PASSWORD: Final = "correct horse battery staple"


def default_hasher() -> PasswordHasher:
    """Return a hasher with the services' default parameters."""
    fields = Argon2Settings.model_fields
    return PasswordHasher(
        time_cost=fields["argon2_time_cost"].default,
        memory_cost=fields["argon2_memory_kib"].default,
        parallelism=fields["argon2_parallelism"].default,
        type=Type.ID,
    )


def hashes_per_cpu_second(seconds: float) -> float:
    """Hash on this thread for some seconds."""
    hasher = default_hasher()
    for _ in range(_WARM_UP):
        hasher.hash(_PASSWORD)
    started = time.process_time()
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        hasher.hash(_PASSWORD)
        count += 1
    return count / (time.process_time() - started)


if __name__ == "__main__":
    print(hashes_per_cpu_second(float(sys.argv[1])))
