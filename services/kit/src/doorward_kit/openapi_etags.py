"""Entity tags in OpenAPI: which answers have an ETag, and which may be 304.

A resource has one if its GET takes If-None-Match. Then every answer with its representation has one, also the
answer to the request that creates or changes it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_HEADER: Final = {
    "required": True,
    "description": "Identifies this version of the resource, for If-Match and If-None-Match.",
    "schema": {"type": "string"},
}
_NOT_MODIFIED: Final = "The resource has not changed: its ETag matches If-None-Match."
_LAST_PARAMETER: Final = re.compile(r"/\{\w+\}$")


def add_etags(paths: Mapping[str, dict[str, Any]]) -> None:
    """Add the header to the answers that have it, and 304 to the reads that may answer it."""
    resources = {
        path: operations["get"]
        for path, operations in paths.items()
        if "get" in operations and "if-none-match" in _headers(operations["get"])
    }
    for path, get in resources.items():
        get["responses"]["304"] = {"description": _NOT_MODIFIED, "headers": {"ETag": _HEADER}}
        for operation in _operations_on(path, paths):
            _add_to_successes(operation, get)
    for operations in paths.values():
        for operation in operations.values():
            if "if-match" in _headers(operation):
                _add_to_successes(operation, operation)


def _operations_on(path: str, paths: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what is done to a resource, and what creates it in its collection."""
    yield from paths[path].values()
    creation = paths.get(_LAST_PARAMETER.sub("", path), {}).get("post")
    if _LAST_PARAMETER.search(path) and creation is not None:
        yield creation


def _add_to_successes(operation: dict[str, Any], like: dict[str, Any]) -> None:
    """Add the header to answers of the media types of `like`: others do not represent the resource."""
    media_types = _media_types(like)
    for status, response in operation["responses"].items():
        if status.startswith("2") and media_types & response.get("content", {}).keys():
            response.setdefault("headers", {})["ETag"] = _HEADER


def _media_types(operation: dict[str, Any]) -> frozenset[str]:
    successes = (response for status, response in operation["responses"].items() if status.startswith("2"))
    return frozenset(media_type for response in successes for media_type in response.get("content", {}))


def _headers(operation: dict[str, Any]) -> frozenset[str]:
    parameters = operation.get("parameters", ())
    return frozenset(parameter["name"].lower() for parameter in parameters if parameter["in"] == "header")
