"""The OpenAPI document has what generators of clients need: names, and no content where there is none."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/api/openapi.json").read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
EMPTY = [
    "POST /api/v1/auth/revoke",
    "POST /api/v1/users/{user_id}/invitation",
    "POST /api/v1/auth/mail/dead-letters/{mail_id}/retry",
    "POST /api/v1/tickets/mail/dead-letters/{mail_id}/retry",
    *(name for name, operation in OPERATIONS.items() if "204" in operation["responses"]),
]


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for member in part.values():
            yield from references(member)
    elif isinstance(part, list):
        for member in part:
            yield from references(member)


def test_each_operation_has_an_id_of_its_own_that_reads_as_a_function() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if re.match("(post|put|patch|head|options)[A-Z]", name)] == [], "a method"
    assert [identifier for identifier in ids if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", identifier)] == []
    assert OPERATIONS["GET /api/v1/users"]["operationId"] == "listUsers"


def test_each_reference_has_a_schema() -> None:
    parts = DOCUMENT["components"]
    named = {f"#/components/{kind}/{name}" for kind in ("schemas", "examples") for name in parts[kind]}
    assert set(references(DOCUMENT)) <= named


def test_each_json_body_has_a_name() -> None:
    for name, operation in OPERATIONS.items():
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        for one in [] if schema is None else schema.get("anyOf", [schema]):
            assert set(one) == {"$ref"}, name


@pytest.mark.parametrize("name", EMPTY)
def test_an_answer_without_content_declares_none(name: str) -> None:
    [success] = [text for status, text in OPERATIONS[name]["responses"].items() if status.startswith("2")]
    assert "content" not in success


def test_a_person_logs_in_with_a_dialog_and_a_program_with_a_token() -> None:
    login = DOCUMENT["components"]["securitySchemes"]["login"]
    assert login["flows"]["password"]["tokenUrl"] in DOCUMENT["paths"]
    protected = [one["security"] for one in OPERATIONS.values() if "bearer" in str(one.get("security"))]
    assert len(protected) > 30
    assert all({"login": []} in security for security in protected)


def test_servers_are_this_one_and_any_other() -> None:
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/", "{origin}"]
