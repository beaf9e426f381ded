"""The OpenAPI document names the errors of each operation, and nothing that the API rejects."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/api/openapi.json").read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation
    for operations in DOCUMENT["paths"].values()
    for operation in operations.values()
}


def codes_of(operation: str, status: int) -> set[str]:
    """Return the codes that an operation documents for a status."""
    response = OPERATIONS[operation]["responses"].get(str(status), {})
    return {code for content in response.get("content", {}).values() for code in content.get("examples", {})}


def test_each_operation_has_the_statuses_of_its_own_errors() -> None:
    for name, operation in OPERATIONS.items():
        statuses = set(operation["responses"])
        assert not statuses & {"4XX", "5XX", "default"}, name
        if operation.get("security"):
            assert {"401", "503"} <= statuses, name


@pytest.mark.parametrize(
    ("operation", "status", "codes"),
    [
        ("updateTicket", 409, {"not_assignable", "ticket_closed"}),  # raised two calls away
        ("createTicket", 429, {"quota_exceeded"}),  # by a limiter that is given the error's class
        ("retryTicketDeadLetter", 409, {"mail_superseded"}),  # by the service's own rule
        ("logIn", 403, {"email_not_verified", "password_change_required", "account_disabled"}),  # returned
        ("setOwnAvatar", 422, {"image_invalid", "image_animated", "validation_error"}),  # from a table
        ("logInAtUpstream", 504, {"upstream_timeout"}),  # made by a function
        ("changePassword", 403, {"email_not_verified"}),
        ("deleteUser", 409, {"last_admin"}),
        ("streamEvents", 429, {"too_many_event_streams"}),
        ("listTickets", 400, {"invalid_cursor"}),
    ],
)
def test_errors_are_found_wherever_they_are_raised(operation: str, status: int, codes: set[str]) -> None:
    assert codes <= codes_of(operation, status)


def test_errors_that_are_caught_or_impossible_are_left_out() -> None:
    assert codes_of("getServerMetadata", 401) == set()
    assert "ticket_not_found" not in codes_of("createTicket", 404)
    assert "insufficient_permission" not in codes_of("getCaller", 403)
    assert "insufficient_scope" not in codes_of("createUser", 403)


def test_each_example_is_the_document_of_its_code() -> None:
    for name, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["code"] == name.removeprefix("oauth_")
        assert ("error_description" in example["value"]) == name.startswith("oauth_")


def test_forms_are_answered_with_the_statuses_of_their_rfc() -> None:
    wrong = OPERATIONS["logIn"]["responses"]
    assert "invalid_credentials" in wrong["400"]["content"]["application/json"]["examples"]
    assert "invalid_credentials" in wrong["401"]["content"]["application/problem+json"]["examples"]
    assert (
        "invalid_client"
        in OPERATIONS["introspectToken"]["responses"]["401"]["content"]["application/json"]["examples"]
    )


def test_null_is_declared_only_where_it_is_accepted() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name, member in schemas["UserPatch"]["properties"].items():
        assert "null" not in json.dumps(member), name
    assert "null" not in json.dumps(schemas["TicketPatch"]["properties"]["priority"])
    assert "null" in json.dumps(schemas["TicketPatch"]["properties"]["assignee_id"])
    for name, operation in OPERATIONS.items():
        for parameter in operation.get("parameters", ()):
            assert '"null"' not in json.dumps(parameter["schema"]), (name, parameter["name"])
