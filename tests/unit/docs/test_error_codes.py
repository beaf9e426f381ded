"""The READMEs contain every stable error code. This test parses the source; the generator imports it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_client.errors import DoorwardError
from error_codes import ErrorCode, errors_of, errors_table, loaded_errors
from generate import AUTH, TICKETS, USERS, Service

SERVICES = Path(__file__).parents[3] / "services"


def _codes_in_source(package: str) -> set[str]:
    return {code for path in (SERVICES / package / "src").rglob("*.py") for code in _codes(path)}


def _codes(path: Path) -> Iterator[str]:
    """Yield `code = "..."` of every class whose name ends in Error."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
            for statement in node.body:
                if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(
                    statement.value, ast.Constant
                ):
                    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                    if any(isinstance(target, ast.Name) and target.id == "code" for target in targets):
                        yield str(statement.value.value)


def _documented(service: Service) -> set[str]:
    table = (
        service.readme.read_text(encoding="utf-8").split("<!-- errors -->")[1].split("<!-- /errors -->")[0]
    )
    return {line.split("`")[1] for line in table.splitlines() if "`" in line.partition(" | ")[2]}


@pytest.mark.parametrize("service", [AUTH, USERS, TICKETS], ids=lambda service: service.folder)
def test_a_readme_has_every_code_of_its_service(service: Service) -> None:
    own = _codes_in_source(service.folder)
    assert own
    assert own <= _documented(service)


def test_every_code_of_a_shared_package_is_in_some_readme() -> None:
    shared = set().union(*(_codes_in_source(package) for package in ("client", "kit", "mail", "identity")))
    assert shared
    assert shared <= _documented(AUTH) | _documented(USERS) | _documented(TICKETS)


def test_a_service_has_no_code_of_another_service() -> None:
    codes = {error.code for error in errors_of("doorward_users")}
    assert "email_taken" in codes
    assert not codes & (_codes_in_source("auth") | _codes_in_source("tickets"))


def test_errors_without_a_class_are_listed() -> None:
    codes = {(error.status, error.code) for error in loaded_errors()}
    assert {(400, "invalid_json"), (405, "method_not_allowed"), (413, "content_too_large")} <= codes
    assert {
        (415, "unsupported_media_type"),
        (431, "header_fields_too_large"),
        (422, "validation_error"),
    } <= codes
    assert {(404, "not_found"), (500, "internal_error"), (503, "unavailable")} <= codes


@pytest.mark.parametrize("service", [AUTH, USERS, TICKETS], ids=lambda service: service.folder)
def test_every_code_has_a_meaning_of_its_own(service: Service) -> None:
    rows = service.readme.read_text(encoding="utf-8").splitlines()
    internal = [row for row in rows if DoorwardError.detail in row]
    assert [row.split("`")[1] for row in internal] == [DoorwardError.code]


def test_a_code_has_one_row_with_all_its_meanings() -> None:
    errors = loaded_errors()
    assert len({(error.status, error.code) for error in errors}) == len(errors)
    assert errors == sorted(errors)


def test_the_table_keeps_its_columns() -> None:
    assert errors_table([ErrorCode(409, "taken", "a | b")]).splitlines()[2] == r"| 409 | `taken` | a \| b |"
