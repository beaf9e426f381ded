"""Cells that no spreadsheet runs, and that come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_kit.csv_cells import escape, unescape


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1"])
def test_a_formula_becomes_a_text(text: str) -> None:
    assert escape(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Ada", "O'Neil", "'tis", "a=1", "ada@example.com"])
def test_other_texts_stay(text: str) -> None:
    assert escape(text) == unescape(text) == text


@given(st.text("'=+-@ab\t", max_size=6))
def test_escaping_is_undone(text: str) -> None:
    assert unescape(escape(text)) == text
    assert escape(text)[:1] not in set("=+-@\t\r\n")
