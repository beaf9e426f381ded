"""The media type that a client prefers (RFC 9110 section 12.5.1)."""

import time

import pytest

from doorward_kit.accept import preferred_media_type

LINES = "application/jsonl"
CSV = "text/csv; charset=utf-8; header=present"
OFFERS = (LINES, CSV)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        *((accept, LINES) for accept in ("", "*/*", "application/*", "APPLICATION/JSONL", ",, */* ,")),
        *(
            (accept, CSV)
            for accept in ("text/csv", "text/*", "Text/CSV ; Q=1.000", "text/csv\t;\tcharset=UTF-8")
        ),
        *((accept, None) for accept in ("text/html", "*/*;q=0", "text/csv;q=0", "text/csv;q=0.000, x/y")),
        # Equal weights: the more precisely named, then the first.
        ("text/csv, application/jsonl", LINES),
        ("*/*, text/csv", CSV),
        ("application/*, text/csv", CSV),
        # Weights come before precision.
        ("text/csv;q=0.5, application/jsonl", LINES),
        ("text/csv;q=0.5, */*", LINES),
        ("text/csv;q=0.9, application/jsonl;q=0.899", CSV),
        ("application/jsonl;q=0.1, text/*;q=0.2, */*;q=0.9", CSV),
        # The most precise range says the weight, whatever the order.
        ("text/csv;q=0, text/*, application/jsonl;q=0.1", LINES),
        ("*/*, application/jsonl;q=0", CSV),
        ("text/csv, text/csv;charset=utf-8;q=0, application/jsonl;q=0.1", LINES),
        # Parameters of a range must be those of the offer.
        ("text/csv;charset=latin1, application/jsonl;q=0.1", LINES),
        ('text/csv;charset="utf-8", application/jsonl;q=0.5', CSV),
        ('text/csv;header="a,b;q=0", application/jsonl;q=0.1', LINES),
        # Bad ranges are ignored; without a good one the header is as none.
        ("text/csv;q=2, application/jsonl;q=0.1", LINES),
        ("text/csv;q=x, text/csv;q=0.5", CSV),
        ("*/csv", None),
        ("csv", LINES),
        ("text/csv;q=-1", LINES),
        ("text/csv;q=nan", LINES),
        ('text/csv;header="', LINES),
    ],
)
def test_the_preferred_media_type(accept: str, chosen: str | None) -> None:
    assert preferred_media_type(accept, OFFERS) == chosen


@pytest.mark.parametrize(
    "part", ['"', '\\"', "a/b;", "a/b;c=", 'a/b;c="\\', ",", ";q=1", "a", "*/*,", " \t;"]
)
def test_a_hostile_header_takes_no_long_time(part: str) -> None:
    """The whole header of a request has at most 64 KiB."""
    started = time.process_time()
    for start in ("", '"'):
        preferred_media_type(start + part * (65_536 // len(part)), OFFERS)
    assert time.process_time() - started < 2
