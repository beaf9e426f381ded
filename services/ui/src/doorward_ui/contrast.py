"""Whether a team's colours can be read: WCAG 2.2, success criteria 1.4.3 and 1.4.11."""

import re
from typing import Final

from doorward_client.settings import SettingsError

MINIMUM: Final = 4.5
"""The least ratio of text of normal size."""

_LINEAR_UP_TO: Final = 0.04045
"""Limit of the linear part of a channel of sRGB (IEC 61966-2-1)."""

_HEX: Final = r"#[0-9a-fA-F]{6}"
_DEFAULTS: Final = {
    "accent": ("#2b56c6", "#93b3ff"),
    "on-accent": ("#ffffff", "#101a33"),
    "page": ("#f6f5f2", "#161513"),
    "surface": ("#ffffff", "#1f1e1b"),
}
"""Colours of `app.css`, which a theme need not repeat. A test compares both."""

_SCHEMES: Final = ("light", "dark")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_ONE_SCHEME: Final = re.compile(
    r"(?:^|[},])\s*(?::root|html)\s*\{[^{}]*(?<![-\w])color-scheme\s*:\s*(light|dark)\s*[;}]"
)
"""The page's own, and not that of some other element."""


_PAIRS: Final = (("on-accent", "accent"), ("accent", "surface"), ("accent", "page"))
"""Text, and what is behind it: buttons; links and the ring of the focus, on cards and around them."""


def require_readable(stylesheet: str) -> None:
    """Check the accent, and what is in front of it and behind it, in a theme; raises SettingsError.

    Each is one colour `#rrggbb`, or two: `light-dark(#rrggbb, #rrggbb)`. A theme with one `color-scheme`
    needs one colour.
    """
    stylesheet = _COMMENT.sub(" ", stylesheet)
    colours = {name: _colours(stylesheet, name) for name in _DEFAULTS}
    only = _ONE_SCHEME.search(stylesheet)
    for text, background in _PAIRS:
        for scheme, colour, behind in zip(_SCHEMES, colours[text], colours[background], strict=True):
            ratio = contrast(colour, behind)
            if ratio < MINIMUM and (only is None or only[1] == scheme):
                raise SettingsError(
                    f"DOORWARD_THEME_DIR: theme.css: --{text} on --{background} has a contrast of {ratio:.1f}"
                    f" in the {scheme} theme; {MINIMUM} is the least"
                )


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours `#rrggbb`, from 1 to 21."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _colours(stylesheet: str, name: str) -> tuple[str, str]:
    if not re.search(rf"--{name}\s*:", stylesheet):
        return _DEFAULTS[name]
    match = re.search(
        rf"--{name}\s*:\s*(?:light-dark\(\s*({_HEX})\s*,\s*({_HEX})\s*\)|({_HEX}))\s*[;}}]", stylesheet
    )
    if match is None:
        raise SettingsError(
            f"DOORWARD_THEME_DIR: theme.css: write --{name} as #rrggbb, or as light-dark(#rrggbb, #rrggbb)"
        )
    light, dark, both = match.groups()
    return both or light, both or dark


def _luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2.2 defines it."""
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return float(channel / 12.92 if channel <= _LINEAR_UP_TO else ((channel + 0.055) / 1.055) ** 2.4)
