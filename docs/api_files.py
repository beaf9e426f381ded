"""docs/api: a page to read, requests for an editor, and a Postman collection with its environment."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from api_examples import JSON, Example, by_tag
from endpoints import callers

BASE_URL: Final = "http://127.0.0.1:8080"
EMAIL: Final = "admin@example.com"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - the README's
SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

_SAVE_TOKENS: Final = (
    "const pair = pm.response.json();",
    "if (pair.access_token) {",
    "  pm.environment.set('access_token', pair.access_token);",
    "  pm.environment.set('refresh_token', pair.refresh_token);",
    "}",
)
_TOKEN_OPERATIONS: Final = frozenset({"logIn", "refreshToken", "stepUp"})


def api_files(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of docs/api that are made from the document, by their names."""
    return {
        "README.md": page(document),
        "doorward.http": http_file(document),
        "doorward.postman_collection.json": _text(collection(document)),
        "doorward.postman_environment.json": _text(environment(document)),
    }


def page(document: Mapping[str, Any]) -> str:
    """Return a Markdown page with every operation."""
    lines = [
        "# The API",
        "",
        "Written by `make docs` from the code, as are [openapi.json](openapi.json), the requests in",
        "[doorward.http](doorward.http) (REST Client for VS Code) and a",
        "[Postman collection](doorward.postman_collection.json) with its",
        "[environment](doorward.postman_environment.json).",
        "Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) documents. Branch on their `code`.",
        "",
    ]
    schemes = document["components"]["securitySchemes"]
    for tag, found in by_tag(document).items():
        lines += [f"## {tag.capitalize()}", ""]
        for example in found:
            lines += _operation(example, schemes)
    return "\n".join(lines)


def _operation(example: Example, schemes: Mapping[str, Any]) -> Iterator[str]:
    # `login` is the dialog of /docs, which sends the same token as `bearer`.
    security = [
        requirement for requirement in example.operation.get("security", ()) if "login" not in requirement
    ]
    yield from (f"### {example.summary}", "", f"`{example.method} {example.path}`", "")
    yield from (f"May be called by: {callers(security, schemes)}.", "")
    if example.description:
        yield from (example.description, "")
    if parameters := example.operation.get("parameters"):
        yield from ("| parameter | in | description |", "|---|---|---|")
        for one in parameters:
            name = f"`{one['name']}`" + (" (required)" if one.get("required") else "")
            yield f"| {name} | {one['in']} | {_cell(one.get('description', ''))} |"
        yield ""
    if example.body is not None:
        language = "json" if example.media_type == JSON else ""
        yield from (f"```{language}", example.body_text(), "```", "")
    yield from ("| status | codes |", "|---|---|")
    for status, response in sorted(example.operation["responses"].items()):
        yield f"| {status} | {_answers(response)} |"
    yield ""


def _answers(response: Mapping[str, Any]) -> str:
    codes = dict.fromkeys(
        code for content in response.get("content", {}).values() for code in content.get("examples", {})
    )
    return ", ".join(f"`{code}`" for code in codes) or _cell(response["description"])


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def http_file(document: Mapping[str, Any]) -> str:
    """Return the requests in the form of REST Client: variables, and the tokens of the login above."""
    variables = {
        "base": BASE_URL,
        "client_id": "reports",
        "client_secret": "its-secret",
        **_variables(document),
    }
    lines = ["# Written by `make docs`. For REST Client (VS Code): send `logIn` first.", ""]
    lines += [f"@{name} = {value}" for name, value in variables.items()]
    for found in by_tag(document).values():
        for example in found:
            lines += ["", f"### {example.summary}", f"# @name {example.id}"]
            lines.append(f"{example.method} {{{{base}}}}{example.at()}")
            if example.scheme:
                lines.append(f"Authorization: {_HTTP_SCHEMES[example.scheme]}")
            if example.body is not None:
                lines += [f"Content-Type: {example.media_type}", "", _body(example)]
    return "\n".join(lines) + "\n"


_HTTP_SCHEMES: Final = {
    "bearer": "Bearer {{logIn.response.body.access_token}}",
    "client": "Basic {{client_id}} {{client_secret}}",
}


def _variables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return a value for each variable of paths and queries."""
    names = {
        name
        for found in by_tag(document).values()
        for example in found
        for name in (*example.variables, *example.required_query)
    }
    return {
        name: "github" if name == "provider" else "01979d5e-9a1c-7e4b-8f0a-2d6c4b1e7a55"
        for name in sorted(names)
    }


def _body(example: Example) -> str:
    """Return the example's body; the login is that of the first administrator."""
    if example.id == "logIn":
        return json.dumps({"email": EMAIL, "password": PASSWORD}, indent=2)
    if example.id == "refreshToken":
        return json.dumps({"refresh_token": "{{logIn.response.body.refresh_token}}"}, indent=2)
    return example.body_text()


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Postman collection: a folder a tag. A login stores its tokens in the environment."""
    return {
        "info": {"name": "Doorward", "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [_pair("token", "{{access_token}}")]},
        "item": [
            {"name": tag, "item": [_item(example) for example in found]}
            for tag, found in by_tag(document).items()
        ],
    }


def _item(example: Example) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": example.method,
        "url": "{{base_url}}" + example.at(),
        "description": example.description,
    }
    if example.scheme != "bearer":
        request["auth"] = _POSTMAN_SCHEMES[example.scheme]
    if example.body is not None:
        request["header"] = [{"key": "Content-Type", "value": example.media_type}]
        request["body"] = {"mode": "raw", "raw": _postman_body(example)}
    item: dict[str, Any] = {"name": example.summary, "request": request, "response": []}
    if example.id in _TOKEN_OPERATIONS:
        item["event"] = [
            {"listen": "test", "script": {"type": "text/javascript", "exec": list(_SAVE_TOKENS)}}
        ]
    return item


def _postman_body(example: Example) -> str:
    if example.id == "logIn":
        return json.dumps({"email": "{{email}}", "password": "{{password}}"}, indent=2)
    if example.id == "refreshToken":
        return json.dumps({"refresh_token": "{{refresh_token}}"}, indent=2)
    return example.body_text()


def _pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value, "type": "string"}


_POSTMAN_SCHEMES: Final[Mapping[str, Any]] = {
    "": {"type": "noauth"},
    "client": {
        "type": "basic",
        "basic": [_pair("username", "{{client_id}}"), _pair("password", "{{client_secret}}")],
    },
}


def environment(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Postman environment: every variable of the collection."""
    plain = {"base_url": BASE_URL, "email": EMAIL, "client_id": "reports", **_variables(document)}
    secret = {"password": PASSWORD, "client_secret": "", "access_token": "", "refresh_token": ""}
    values = [
        {"key": key, "value": value, "type": "default", "enabled": True} for key, value in plain.items()
    ]
    values += [
        {"key": key, "value": value, "type": "secret", "enabled": True} for key, value in secret.items()
    ]
    return {"name": "Doorward", "values": values, "_postman_variable_scope": "environment"}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
