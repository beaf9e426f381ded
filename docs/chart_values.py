"""The table of a chart's values, from the comments of its values.yaml (helm-docs' convention).

A comment that starts with `# --`, right above a key, describes it; comment lines after it go on, with `--` or
without. A described map is one row, and what is in it has none. A value that nobody describes is an error.
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
    """One row: the path of the key, its default as YAML's flow style or JSON, what it is."""

    path: str
    default: str
    description: str


class UndescribedValueError(ValueError):
    """A value of the chart that no comment describes."""


def values_table(text: str) -> str:
    """Return a Markdown table of a values.yaml; raises UndescribedValueError."""
    rows = ["| value | default | what it is |", "|---|---|---|"]
    for value in described(text):
        cells = f"`{value.path}`", f"`{value.default}`", value.description
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def described(text: str) -> list[Value]:
    """Return the rows of a values.yaml in the order of the file; raises UndescribedValueError."""
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(document, yaml.MappingNode):
        raise UndescribedValueError("values.yaml is no mapping")
    return list(_rows(document, text.splitlines(), ""))


def sections(text: str) -> list[str]:
    """Return the paths of the maps whose values are described one by one, the whole file being `""`."""
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
    """Return what the comment lines right above a line say, from the first `# --` on."""
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
