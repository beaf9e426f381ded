"""A user's picture: through the load balancer, the decoder's process and the storage."""

import struct
import zlib

from e2e.context import Context
from e2e.probe import USERS


def pictures(context: Context) -> None:
    """A user has a picture, which is decoded and encoded again by the installation."""
    member = context.member("paula")
    token, own = member.session.access, f"{USERS}/me/avatar"
    none = context.send("GET", own, token)
    context.prove("A new user has no picture", none, 404, "avatar_not_found")
    kind = {"Content-Type": "image/png"}
    page = context.send("PUT", own, token, headers=kind, content=b"<svg/>")
    context.prove("A file that is no image is rejected", page, 422, "image_type_unsupported")
    stored = context.send("PUT", own, token, headers=kind, content=_png())
    context.prove("A PNG is stored", stored, 200)
    user = context.expect("the user is read", context.send("GET", member.path, context.admin), 200)
    context.check("... and the user shows it", user["picture"] == stored.json()["picture"], user)
    read = context.send("GET", user["picture"], context.admin)
    context.check(
        "... as a WebP to keep",
        read.content[8:12] == b"WEBP" and "immutable" in read.headers["cache-control"],
        dict(read.headers),
    )
    again = context.send("GET", own, token, headers={"If-None-Match": read.headers["etag"]})
    context.prove("... which is 304 with its ETag", again, 304)
    context.prove("It is deleted", context.send("DELETE", own, token), 204)
    context.prove("... and gone", context.send("GET", own, token), 404, "avatar_not_found")


def _png() -> bytes:
    """Return a red square of 64 pixels a side."""
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 64) * 64)
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    written = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)
