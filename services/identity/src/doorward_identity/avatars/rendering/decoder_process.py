"""The process that decodes one image: bounded in memory and time, without files, secrets or connections.

The libraries that decode images are written in C, and what they allocate depends on more than the size of
the image: a WebP file of 300 KB with a million pixels makes libwebp take 370 MB. So the limits are the
operating system's, and an error in a decoder ends this process and not the service.

It reads the file from its standard input, and writes an answer (decoder_answer.py).
"""

import sys

from PIL import Image

from doorward_identity.avatars.rendering.confinement import confine
from doorward_identity.avatars.rendering.decoder_answer import encode_avatar, encode_error
from doorward_identity.avatars.rendering.image_formats import ImageRejectedError
from doorward_identity.avatars.rendering.images import render


def main() -> int:
    """Decode one image."""
    Image.preinit()  # Pillow would load modules later, which it cannot any more
    confine()
    try:
        answer = encode_avatar(render(sys.stdin.buffer.read()))
    except ImageRejectedError as error:
        answer = encode_error(error.error_code)
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
