"""Example requests of an OpenAPI document's operations: paths, bodies, and who sends them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from endpoints import METHODS

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_VALUES: Final = ("const", "default")
_OF_FORMATS: Final = {"uuid": "01979d5e-9a1c-7e4b-8f0a-2d6c4b1e7a55", "email": "ada@example.com"}
_OF_TYPES: Final[Mapping[str, Any]] = {"string": "text", "integer": 1, "number": 1, "boolean": True}


class Example(NamedTuple):
    """One operation and an example of its body: a value for JSON, fields for a form."""

    tag: str
    id: str
    method: str
    path: str
    summary: str
    description: str
    scheme: str
    """`bearer`, `client`, or empty for anyone."""

    media_type: str
    body: Any
    required_query: tuple[str, ...]
    operation: Mapping[str, Any]

    @property
    def variables(self) -> list[str]:
        """The names in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def at(self, opening: str = "{{", closing: str = "}}") -> str:
        """Return the path, with the required query, and variables in an editor's syntax."""
        path = self.path.replace("{", opening).replace("}", closing)
        query = "&".join(f"{name}={opening}{name}{closing}" for name in self.required_query)
        return f"{path}?{query}" if query else path

    def body_text(self) -> str:
        """Return the body as it is sent; empty without one."""
        if self.body is None:
            return ""
        if self.media_type == FORM:
            return "&".join(f"{name}={value}" for name, value in self.body.items())
        return json.dumps(self.body, indent=2, ensure_ascii=False)


def examples(document: Mapping[str, Any]) -> Iterator[Example]:
    """Yield every operation, in the order of the document."""
    for path, operations in document["paths"].items():
        for method in METHODS:
            if operation := operations.get(method):
                media_type, body = _body(operation, document)
                yield Example(
                    operation["tags"][0],
                    operation["operationId"],
                    method.upper(),
                    path,
                    operation["summary"],
                    operation.get("description", ""),
                    _scheme(operation),
                    media_type,
                    body,
                    tuple(
                        parameter["name"]
                        for parameter in operation.get("parameters", ())
                        if parameter["in"] == "query" and parameter["required"]
                    ),
                    operation,
                )


def by_tag(document: Mapping[str, Any]) -> dict[str, list[Example]]:
    """Return the operations by their tags, signing in first."""
    found: dict[str, list[Example]] = {"tokens": []}
    for example in examples(document):
        found.setdefault(example.tag, []).append(example)
    # What the others need: the tokens of a login.
    found["tokens"].sort(key=lambda example: example.id != "logIn")
    return found


def _scheme(operation: Mapping[str, Any]) -> str:
    names = [name for requirement in operation.get("security", ()) for name in requirement]
    return next((name for name in ("bearer", "client") if name in names), "")


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    for media_type in (JSON, FORM):
        if media_type in content:
            return media_type, _example(content[media_type]["schema"], document)
    return next(iter(content), ""), None


def _example(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """Return an example of a schema: its own, or one of its required members."""
    if "$ref" in schema:
        return _example(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    for known in (
        schema.get("examples"),
        schema.get("enum"),
        [schema[key] for key in _VALUES if key in schema],
    ):
        if known:
            return known[0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], document)
    if schema.get("type") == "object":
        members = schema.get("properties", {})
        # A change has no required members: one of them is an example.
        shown = schema.get("required") or list(members)[:1]
        return {name: _example(members[name], document) for name in shown}
    return _OF_FORMATS.get(schema.get("format", ""), _OF_TYPES.get(schema.get("type", "string")))
