"""Generates the table of a chart's values from the comments of values.yaml (the convention of helm-docs).

A comment that starts with `# --` directly above a key describes it. Further comment lines continue the
description, with or without `--`. A described map is one row, without rows for its content. A value without a
description is an error.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

_MARK: Final = "# --"
_WIDEST_DEFAULT: Final = 80


@dataclass(frozen=True)
class Value:
    """One row: path of the key, default as JSON, description."""

    path: str
    default: str
    description: str


class UndescribedValueError(ValueError):
    """A value without a `# --` comment."""


def values_table(text: str) -> str:
    """Return a Markdown table of a values.yaml; raises UndescribedValueError."""
    rows = ["| value | default | description |", "|---|---|---|"]
    for value in described(text):
        cells = f"`{value.path}`", f"`{value.default}`", value.description
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def described(text: str) -> list[Value]:
    """Return the rows in the order of the file; raises UndescribedValueError."""
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(document, yaml.MappingNode):
        raise UndescribedValueError("values.yaml is not a mapping")
    return list(_rows(document, text.splitlines(), ""))


def sections(text: str) -> list[str]:
    """Return the paths of the maps that have a row per value; `""` is the whole file."""
    return list(dict.fromkeys(value.path.rpartition(".")[0] for value in described(text)))


def _rows(mapping: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, node in mapping.value:
        path = f"{prefix}{key.value}"
        description = _description(lines, key.start_mark.line)
        if description:
            yield Value(path, _default(node), description)
        elif isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
            yield from _rows(node, lines, f"{path}.")
        else:
            raise UndescribedValueError(f"values.yaml, line {key.start_mark.line + 1}: {path} has no `# --`")


def _description(lines: list[str], line: int) -> str:
    """Return the comment directly above a line, from the first `# --` on."""
    first = line
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    comments = [comment.strip() for comment in lines[first:line]]
    words = itertools.dropwhile(lambda comment: not comment.startswith(_MARK), comments)
    return " ".join(word.removeprefix(_MARK).removeprefix("#").strip() for word in words).strip()


def _default(node: yaml.Node) -> str:
    value = yaml.SafeLoader("").construct_document(node)
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _WIDEST_DEFAULT else "see values.yaml"
