import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_client import strict_json
from doorward_client.strict_json import MAX_DEPTH, InvalidJsonError

ordinary_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53), max_value=2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text("abc"), children, max_size=4),
    max_leaves=20,
)


@given(ordinary_values)
def test_reads_ordinary_json_as_the_standard_library_does(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert strict_json.loads(text.encode("utf-8")) == json.loads(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{} {}",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"[-1e400]",
        b"123456789012345678",
        b'{"a":1,"a":2}',
        b'[{"b":{"a":1,"a":1}}]',
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'"\\ud800"',
        b'["\\udc00x"]',
        b'{"\\ud83d":1}',
        b'"\xff"',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        b'\xef\xbb\xbf{"a":1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_rejects_json_that_parsers_read_differently(raw: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        strict_json.loads(raw)


def test_a_surrogate_pair_is_one_character() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_accepts_nesting_up_to_the_limit() -> None:
    assert strict_json.loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    with pytest.raises(InvalidJsonError, match="nesting"):
        strict_json.loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_brackets_in_strings_and_siblings_do_not_count_as_nesting() -> None:
    strict_json.loads(b'["' + b"[" * 500 + b'\\"[["]')
    strict_json.loads(b"[" + b",".join([b"[]"] * 500) + b"]")


@given(st.binary(max_size=40))
def test_arbitrary_bytes_raise_no_other_error(raw: bytes) -> None:
    with suppress(InvalidJsonError):
        strict_json.loads(raw)


def test_an_error_does_not_quote_the_text() -> None:
    with pytest.raises(InvalidJsonError) as rejected:
        strict_json.loads(b'{"password": "hunter2", }')
    assert "hunter2" not in str(rejected.value)


@pytest.mark.parametrize(
    "raw",
    [
        b'["' * 20_000,
        b"[" * 40 + b'\\"' * 30_000 + b"\\",
        b'"[' + b'\\"[' * 20_000,
        b"[" * 40 + b'"' * 59_999,
    ],
)
def test_parsing_time_is_linear(raw: bytes) -> None:
    """Each would take seconds in quadratic time."""
    began = time.process_time()
    with suppress(InvalidJsonError):
        strict_json.loads(raw)
    assert time.process_time() - began < 1.0
