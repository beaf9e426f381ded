"""The requests of docs/api can be sent as they are: no example is rejected for its form."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People

pytestmark = pytest.mark.databases("sqlite")

API: Final = Path(__file__).parents[3] / "docs" / "api"
COLLECTION: Final[dict[str, Any]] = json.loads(
    (API / "doorward.postman_collection.json").read_text(encoding="utf-8")
)
VALUES: Final[dict[str, str]] = {
    value["key"]: value["value"]
    for value in json.loads((API / "doorward.postman_environment.json").read_text(encoding="utf-8"))["values"]
}
ITEMS: Final = [item for folder in COLLECTION["item"] for item in folder["item"]]
HTTP: Final = (API / "doorward.http").read_text(encoding="utf-8")
ENDLESS: Final = "{{base_url}}/api/v1/auth/events"
SENT: Final = [item for item in ITEMS if item["request"]["url"] != ENDLESS]


def filled(text: str, **values: str) -> str:
    """Return a text with the environment's values in place of its variables."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: {**VALUES, **values}[match[1]], text)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [f"{item['request']['method']} {item['request']['url']}" for item in items]


def test_every_variable_has_a_value() -> None:
    assert set(re.findall(r"\{\{(\w+)\}\}", json.dumps(COLLECTION))) <= VALUES.keys()
    defined = set(re.findall(r"^@(\w+) =", HTTP, re.MULTILINE))
    assert set(re.findall(r"\{\{(\w+)\}\}", HTTP)) <= defined


def test_both_files_have_every_operation() -> None:
    document = json.loads((API / "openapi.json").read_text(encoding="utf-8"))
    operations = [operation for operations in document["paths"].values() for operation in operations.values()]
    assert len(ITEMS) == len(operations)
    named = re.findall(r"^# @name (\w+)$", HTTP, re.MULTILINE)
    assert sorted(named) == sorted(operation["operationId"] for operation in operations)


@pytest.mark.parametrize("item", SENT, ids=names(SENT))
def test_an_example_is_accepted_or_rejected_for_what_is_stored(
    installation: Installation, people: People, item: dict[str, Any]
) -> None:
    """An id that names nothing is 404, a code that was not mailed is wrong: no example lacks a member."""
    request = item["request"]
    path = filled(request["url"].removeprefix("{{base_url}}"))
    token = people.admin.access if "auth" not in request else None
    options: dict[str, Any] = {}
    if "body" in request:
        body = filled(
            request["body"]["raw"],
            email=people.admin.email,
            password=PASSWORD,
            refresh_token=people.admin.refresh,
        )
        options = {"content": body, "headers": {"Content-Type": request["header"][0]["value"]}}
    response = installation.call(request["method"], path, token, **options)
    code = response.json()["code"] if response.status_code >= 400 else None
    # Pictures have no example.
    accepted = {"validation_error"} if "avatar" in path else set()
    assert code not in {"validation_error", "invalid_json", "invalid_form"} - accepted, response.text


def test_the_login_stores_its_tokens_for_the_other_requests() -> None:
    (login,) = [item for item in ITEMS if item["request"]["url"].endswith("/auth/token") and "event" in item]
    script = "\n".join(login["event"][0]["script"]["exec"])
    assert {"access_token", "refresh_token"} <= set(re.findall(r"environment.set\('(\w+)'", script))
    assert COLLECTION["auth"]["bearer"][0]["value"] == "{{access_token}}"
