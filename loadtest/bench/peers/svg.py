"""Bar charts as SVG, without a library."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
_LABEL: Final = 190
"""Where bars begin."""

_VALUE: Final = 90
"""Room for the text behind the longest bar."""

_ROW: Final = 20
_BAR: Final = 13
_TITLE: Final = 30
_GAP: Final = 8
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.value{fill:#59636e}"
    ".bar{fill:#8c959f}.own{fill:#0969da}.range{stroke:#1f2328;stroke-width:1}"
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.value{fill:#9198a1}.bar{fill:#656c76}"
    ".own{fill:#4493f8}.range{stroke:#f0f6fc}}"
)


@dataclass(frozen=True)
class Bar:
    """A value, the least and the most of its rounds, and its text."""

    label: str
    value: float
    least: float
    most: float
    text: str
    is_own: bool = False


@dataclass(frozen=True)
class Group:
    """Bars with one scale."""

    title: str
    bars: Sequence[Bar]


def bar_chart(groups: Sequence[Group]) -> str:
    """Draw the groups below each other; the longest bar of each, with its range, fills the width."""
    parts: list[str] = []
    y = 0
    for group in groups:
        parts.append(f'<text class="title" x="0" y="{y + 18}">{escape(group.title)}</text>')
        y += _TITLE
        scale = (WIDTH - _LABEL - _VALUE) / max(bar.most for bar in group.bars)
        for bar in group.bars:
            parts += _bar(bar, y, scale)
            y += _ROW
        y += _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
        f'role="img">\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
    )


def _bar(bar: Bar, y: int, scale: float) -> list[str]:
    middle = y + _BAR / 2
    kind = "own" if bar.is_own else "bar"
    least, most = _LABEL + bar.least * scale, _LABEL + bar.most * scale
    return [
        f'<text x="{_LABEL - 8}" y="{y + 11}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="{kind}" x="{_LABEL}" y="{y}" width="{bar.value * scale:.1f}" height="{_BAR}"/>',
        f'<line class="range" x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}"/>',
        f'<text class="value" x="{most + 6:.1f}" y="{y + 11}">{escape(bar.text)}</text>',
    ]
