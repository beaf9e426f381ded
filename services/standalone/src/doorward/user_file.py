"""Files of users: JSON Lines, or CSV with a header, read line by line in flat memory."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final, NamedTuple, Self, TextIO

from pydantic import ValidationError

from doorward.imported_user import ImportedUser, reasons
from doorward_client import strict_json
from doorward_identity.user_export import FileFormat
from doorward_kit import csv_cells

MAX_LINE_BYTES: Final = 65_536

_UTF16_STARTS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"{\0", b"\0{", b"e\0", b"\0e")
_DELIMITERS: Final = (",", ";", "\t")
_NOT_UTF_8: Final = "the text is not UTF-8"
_TOO_LONG: Final = f"the line is longer than {MAX_LINE_BYTES} bytes"


class UnacceptableImportError(Exception):
    """A file that cannot be imported; the message quotes none of its content."""


class UserLine(NamedTuple):
    """A user, or what is wrong with the line."""

    number: int
    """Number of the line, the first one for a CSV record of several lines."""
    user: ImportedUser | None
    errors: Sequence[str] = ()
    lines: int = 1
    """How many of the file: a quote that does not end takes many."""


def read_lines(file: BinaryIO, file_format: FileFormat) -> Iterator[UserLine]:
    """Read users from the start of a file, skipping blank lines.

    Raises UnacceptableImportError for other kinds of files.
    """
    _skip_byte_order_mark(file)
    return _csv_lines(file) if file_format is FileFormat.CSV else _json_lines(file)


def _skip_byte_order_mark(file: BinaryIO) -> None:
    """Skip a mark of UTF-8: Windows programs write it, and JSON has none (RFC 8259 section 8.1)."""
    file.seek(0)
    start = file.read(1_024)
    if start.startswith(_UTF16_STARTS):
        raise UnacceptableImportError(
            "the file is UTF-16, as PowerShell's `>` writes; save it as UTF-8 (`Out-File -Encoding utf8`)"
        )
    marks = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    if start[marks:].lstrip().startswith(b"["):
        raise UnacceptableImportError(
            "the file is one JSON array; write one object a line (`jq -c '.[]' people.json`)"
        )
    file.seek(marks)


def _json_lines(file: BinaryIO) -> Iterator[UserLine]:
    number = 0
    while text := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(text) > MAX_LINE_BYTES:
            while text and not text.endswith(b"\n"):
                text = file.readline(MAX_LINE_BYTES)
            yield UserLine(number, None, [_TOO_LONG])
        elif text.strip():
            try:
                value = strict_json.loads(text)
            except strict_json.InvalidJsonError as error:
                yield UserLine(number, None, [str(error)])
            else:
                yield _line(number, value)


def _csv_lines(file: BinaryIO) -> Iterator[UserLine]:
    csv.field_size_limit(MAX_LINE_BYTES)
    # Of undecodable bytes one line is wrong, not the file; closing the wrapper would close the file. Ends of
    # lines become \n, also in quotes, where it changes no valid user.
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline=None)
    try:
        lines = _TextLines(text)
        delimiter, columns = _columns(lines)
        yield from _csv_records(lines, delimiter, columns)
    finally:
        text.detach()


class _LineTooLongError(Exception):
    """A line is longer than MAX_LINE_BYTES characters; the next one can be read."""


class _TextLines:
    """Reads lines in flat memory, and counts them. No generator, which an error would end."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) <= MAX_LINE_BYTES:
            return line
        while line and not line.endswith("\n"):
            line = self._text.readline(MAX_LINE_BYTES)
        raise _LineTooLongError(_TOO_LONG)


def _columns(lines: _TextLines) -> tuple[str, Sequence[str]]:
    """Return the delimiter of a file and its columns, from its first line."""
    try:
        header = next(lines, "")
    except _LineTooLongError:
        header = ""
    delimiter = next((delimiter for delimiter in _DELIMITERS if delimiter in header), ",")
    columns = [cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])]
    known = ImportedUser.model_fields.keys()
    if set(columns) - known or len(set(columns)) < len(columns) or not {"email", "name"} <= set(columns):
        raise UnacceptableImportError(
            "the first line of a CSV file names its columns: `email`, `name`, and any of"
            f" {', '.join(f'`{name}`' for name in known - {'email', 'name'})}, each once"
        )
    return delimiter, columns


def _csv_records(lines: _TextLines, delimiter: str, columns: Sequence[str]) -> Iterator[UserLine]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        before = lines.number
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            record = UserLine(before + 1, None, [f"the line is not CSV: {error}"])
        except _LineTooLongError as error:
            record = UserLine(before + 1, None, [str(error)])
        else:
            if not any(cells):
                continue
            record = _csv_record(before + 1, cells, columns)
        yield record._replace(lines=lines.number - before)


def _csv_record(number: int, cells: Sequence[str], columns: Sequence[str]) -> UserLine:
    if len(cells) != len(columns):
        return UserLine(number, None, [f"{len(cells)} cells, but {len(columns)} columns"])
    if any(cell and not cell.isascii() and _is_undecodable(cell) for cell in cells):
        return UserLine(number, None, [_NOT_UTF_8])
    named_cells = zip(columns, cells, strict=True)
    return _line(number, {name: csv_cells.unescape(cell) for name, cell in named_cells if cell})


def _is_undecodable(cell: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in cell)


def _line(number: int, value: Mapping[str, object] | object) -> UserLine:
    try:
        return UserLine(number, ImportedUser.model_validate(value))
    except ValidationError as error:
        return UserLine(number, None, list(reasons(error)))
