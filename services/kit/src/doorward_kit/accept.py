"""The media type that a client prefers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Request

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
# A quote that is not closed is read to its end once, or each of many would be read anew.
_MEMBER: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+(?:"|\\?\Z))++', re.DOTALL)
_PARAMETER: Final = re.compile(rf";[ \t]*([\w!#$%&'*+.^`|~-]+)=({_QUOTED}|[^;\"\s]+)[ \t]*", re.ASCII)
_RANGE: Final = re.compile(
    rf"[ \t]*([\w!#$%&'*+.^`|~-]+)/([\w!#$%&'*+.^`|~-]+)[ \t]*((?:{_PARAMETER.pattern})*)", re.ASCII
)
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")  # RFC 9110 section 12.4.2


class _MediaRange(NamedTuple):
    main: str
    sub: str
    parameters: Mapping[str, str]
    weight: float

    def specificity(self, offer: "_MediaRange") -> int | None:
        """Return how precisely the range names a media type; None if it does not."""
        if self.main == "*":
            return 0 if self.sub == "*" else None
        if self.main != offer.main or self.sub not in {"*", offer.sub}:
            return None
        if not self.parameters.items() <= offer.parameters.items():
            return None
        return 1 if self.sub == "*" else 2 + len(self.parameters)


def preferred_media_type(accept: str, offers: Sequence[str]) -> str | None:
    """Return the offered media type that an Accept header asks for (RFC 9110 section 12.5.1); None for none.

    The weight of an offer is that of the most precise range that names it. Of equal weights the more
    precisely named offer is returned, then the first. Ranges with bad syntax are ignored. A header without
    any good range is as none, which accepts everything.
    """
    ranges = list(_ranges(accept))
    if not ranges:
        return offers[0]
    best: tuple[float, int] = (0, 0)
    chosen = None
    for offer in offers:
        (media_type,) = _ranges(offer)
        named = [(media_range.specificity(media_type), media_range.weight) for media_range in ranges]
        found = [(precision, weight) for precision, weight in named if precision is not None]
        precision, weight = max(found, default=(0, 0.0))
        if weight and (weight, precision) > best:
            best, chosen = (weight, precision), offer
    return chosen


def _ranges(accept: str) -> Iterator[_MediaRange]:
    for member in _MEMBER.findall(accept):
        if (match := _RANGE.fullmatch(member)) is None:
            continue
        parameters = {name.lower(): _unquoted(value).lower() for name, value in _PARAMETER.findall(match[3])}
        weight = parameters.pop("q", "1")
        if _WEIGHT.fullmatch(weight):
            yield _MediaRange(match[1].lower(), match[2].lower(), parameters, float(weight))


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


async def _accept(request: Request) -> str:
    # A list may be sent in several fields (RFC 9110 section 5.3).
    return ",".join(request.headers.getlist("accept"))


Accept = Annotated[str, Depends(_accept)]
"""The Accept header of the request, empty for none."""
