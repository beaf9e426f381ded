"""The formats of an export, and the one that a request asks for."""

from typing import Final, NamedTuple

from doorward_identity.user_export import FileFormat
from doorward_kit.accept import preferred_media_type
from doorward_users.export.errors import NotAcceptableError


class Representation(NamedTuple):
    """A format under one of its media types."""

    file_format: FileFormat
    media_type: str


JSON_LINES: Final = Representation(FileFormat.JSON_LINES, "application/jsonl")
CSV: Final = Representation(FileFormat.CSV, "text/csv; charset=utf-8; header=present")
# No media type of JSON Lines is registered: clients ask for it by these.
_OFFERS: Final = (
    JSON_LINES,
    CSV,
    *(
        Representation(FileFormat.JSON_LINES, media_type)
        for media_type in ("application/x-ndjson", "application/ndjson", "application/x-jsonlines")
    ),
)
MEDIA_TYPES: Final = tuple(offer.media_type.partition(";")[0] for offer in _OFFERS)


def choose_representation(file_format: FileFormat | None, accept: str) -> Representation:
    """Return what to answer: the format of the query, else what `accept` prefers.

    Raises NotAcceptableError.
    """
    if file_format is not None:
        return CSV if file_format is FileFormat.CSV else JSON_LINES
    media_type = preferred_media_type(accept, [offer.media_type for offer in _OFFERS])
    for offer in _OFFERS:
        if offer.media_type == media_type:
            return offer
    raise NotAcceptableError
