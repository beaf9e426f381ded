"""The table of a service's error codes, read from its error classes.

An error class belongs to a service if importing the service imports the class. So `errors_of` runs this
file in a process of its own: `python docs/error_codes.py doorward_auth` prints the codes as JSON.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, NamedTuple

from doorward_client.errors import DoorwardError, status_problem

_INVALID_SHAPE: Final = "The request does not have the expected shape; `errors` names each field."


class ErrorCode(NamedTuple):
    """One row: the HTTP status, the stable code, the text that the caller gets."""

    status: int
    code: str
    meaning: str


def errors_table(errors: list[ErrorCode]) -> str:
    """Return a Markdown table of error codes."""
    rows = ["| status | code | meaning |", "|---|---|---|"]
    for error in errors:
        meaning = error.meaning.replace("|", r"\|")
        rows.append(f"| {error.status} | `{error.code}` | {meaning} |")
    return "\n".join(rows)


def errors_of(package: str) -> list[ErrorCode]:
    """Return the error codes of a service package, from a process that imports no other service."""
    command = [sys.executable, __file__, package]
    output = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this file itself
    return [ErrorCode(*row) for row in json.loads(output.stdout)]


def loaded_errors() -> list[ErrorCode]:
    """Return the codes of all loaded error classes and of bare HTTP statuses, by status and code."""
    meanings: dict[tuple[int, str], list[str]] = {(422, "validation_error"): [_INVALID_SHAPE]}
    for error in [*_classes(DoorwardError), *_bare_statuses()]:
        texts = meanings.setdefault((error.status, error.code), [])
        if error.meaning not in texts:
            texts.append(error.meaning)
    return [ErrorCode(status, code, " ".join(texts)) for (status, code), texts in sorted(meanings.items())]


def _classes(base: type[DoorwardError]) -> Iterator[ErrorCode]:
    yield ErrorCode(base.status, base.code, base.detail)
    for subclass in base.__subclasses__():
        yield from _classes(subclass)


def _bare_statuses() -> Iterator[ErrorCode]:
    """Yield what FastAPI's and the middlewares' own rejections are rendered as."""
    for status in HTTPStatus:
        problem = json.loads(bytes(status_problem(status, request_id="-").body))
        if problem["code"] != DoorwardError.code:
            yield ErrorCode(status.value, problem["code"], problem["detail"])


if __name__ == "__main__":
    importlib.import_module(f"{sys.argv[1]}.main")
    json.dump(loaded_errors(), sys.stdout)
