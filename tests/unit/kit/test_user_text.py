import pytest
from pydantic_core import PydanticCustomError

from doorward_kit.user_text import one_line, paragraphs


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ada", "Ada"),
        (" a\u00a0", "a"),
        ("Zoe\u0308", "Zoë"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_only_outer_space_and_composition_of_a_line_are_normalized(text: str, kept: str) -> None:
    assert one_line(text, what="name", max_length=20) == kept


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\nb", "name_not_one_line"),
        ("a\u2028b", "name_not_one_line"),
        ("a\u202eb", "name_not_one_line"),
        ("a\x1bb", "name_not_one_line"),
        ("\u200b", "name_empty"),
        ("x" * 21, "name_too_long"),
        ("\u0958" * 11, "name_too_long"),  # two each, composed
    ],
)
def test_texts_with_line_breaks_are_rejected_as_a_line(text: str, code: str) -> None:
    with pytest.raises(PydanticCustomError) as rejected:
        one_line(text, what="name", max_length=20)
    assert rejected.value.type == code


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\tb", "a\tb"),
        ("\n a \n", "a"),
        ("נועה \u202aabc\u202c", "נועה \u202aabc\u202c"),
    ],
)
def test_line_endings_of_paragraphs_are_normalized(text: str, kept: str) -> None:
    assert paragraphs(text, what="text", max_length=20) == kept


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\x00b", "text_not_plain"),
        ("a\x7fb", "text_not_plain"),
        ("a\x85b", "text_not_plain"),
        ("a\ud800b", "text_not_plain"),
        ("\n\t\n", "text_empty"),
        ("x" * 21, "text_too_long"),
    ],
)
def test_texts_with_control_characters_are_rejected(text: str, code: str) -> None:
    with pytest.raises(PydanticCustomError) as rejected:
        paragraphs(text, what="text", max_length=20)
    assert rejected.value.type == code
