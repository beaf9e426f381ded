import pytest

from doorward_kit.accept_language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", ""),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de-AT"),
        (" zh-Hant-TW ; q=0.5", "zh-Hant-TW"),
        ("*", ""),
        ("de/../en", ""),
        ("ä", ""),
        ("a-" * 40 + "a", ""),
    ],
)
def test_the_first_language_is_preferred(header: str, language: str) -> None:
    assert preferred_language(header) == language
