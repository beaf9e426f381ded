"""The process that decodes one image: bounded in memory and time, without files, secrets or connections.

The libraries that decode images are written in C, and what they allocate depends on more than the size of
the image: a WebP file of 300 KB with a million pixels makes libwebp take 370 MB. So the limits are the
operating system's, and an error in a decoder ends this process and not the service.

It reads the file from its standard input, and writes an answer (decoder_answer.py).
"""

import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from doorward_identity.avatars.rendering.decoder_answer import encode_avatar, encode_refusal
from doorward_identity.avatars.rendering.image_formats import ImageRefusedError
from doorward_identity.avatars.rendering.images import render

MEMORY_BYTES: Final = 256 * 1024 * 1024
"""Address space. Python takes 30 MB of it, the largest accepted image some 200 MB."""

CPU_SECONDS: Final = 10
"""The slowest accepted image takes two."""

_LIMITS: Final[Mapping[int, int]] = {
    resource.RLIMIT_AS: MEMORY_BYTES,
    resource.RLIMIT_CPU: CPU_SECONDS,
    resource.RLIMIT_NOFILE: 16,  # modules are loaded when they are needed
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
}


def main() -> int:
    """Decode one image."""
    _limit()
    try:
        answer = encode_avatar(render(sys.stdin.buffer.read()))
    except ImageRefusedError as error:
        answer = encode_refusal(error.refusal)
    sys.stdout.buffer.write(answer)
    return 0


def _limit() -> None:
    """Set the limits after everything is imported, and before anything from outside is read."""
    for limit, value in _LIMITS.items():
        # Some systems do not have a limit, or have a lower one.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    sys.exit(main())
