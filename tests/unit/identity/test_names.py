import pytest
from pydantic import TypeAdapter, ValidationError

from doorward_identity.names import PersonName, default_name, name_key

names: TypeAdapter[str] = TypeAdapter(PersonName)


@pytest.mark.parametrize(
    "name", ["Ada", "Ada Lovelace", "李小龍", "Zoë", "O'Neill", "נועה", "👩‍💻 Ada", "می\u200cخواهم"]
)
def test_accepts_names_of_every_script(name: str) -> None:
    assert names.validate_python(name) == name


def test_normalizes_only_outer_space_and_composition() -> None:
    assert names.validate_python("  Zoe\u0308 ") == "Zoë"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u00a0",
        "a\nb",
        "a\r\nBcc: x",
        "a\tb",
        "a\0b",
        "a\x1b[31m",
        "a\u2028b",
        "a\u202eb",
        "x" * 201,
        "\u200b",
        "\u2060\u00ad",
        "\u0958" * 101,
    ],
)
def test_rejects_names_that_are_not_one_line_of_text(name: str) -> None:
    with pytest.raises(ValidationError):
        names.validate_python(name)


def test_keys_ignore_case_and_width() -> None:
    assert name_key("ＡＤＡ") == name_key("ada") == "ada"
    assert name_key("Straße") == "strasse"
    assert name_key("Ädа") != name_key("Ada")


def test_a_key_fits_its_column_after_case_folding() -> None:
    assert len(name_key("\ufdfa" * 200)) <= 400


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("ada@example.com", "ada"),
        ("Ada.Lovelace@example.com", "Ada"),
        ("ada+tag@example.com", "ada"),
        ("ada_l-x@example.com", "ada"),
        ("_ada@example.com", "_ada"),
        ("李.小龍@example.com", "李"),
        (f"{'a' * 300}@example.com", "a" * 200),
    ],
)
def test_a_default_name_is_the_first_word_of_the_address(email: str, name: str) -> None:
    assert default_name(email) == name
