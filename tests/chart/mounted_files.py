"""The files that a pod mounts, with contents that its program accepts."""

import base64
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from chart.tools import ROOT
from doorward_auth.vault.rotation import new_key
from doorward_client.keys.key_set import ES256, HS256, RS256
from doorward_kit.key_rotation import new_jwk
from support.certificates import self_signed

_EXAMPLE: Final = ROOT / "docs" / "examples" / "upstream" / "upstreams.json"
_TEXT: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Long enough for every secret."""

OF_WHOLE_SECRETS: Final = {"upstreams": ({"key": "upstreams.json", "path": "upstreams.json"},)}
"""What the chart needs of the Secrets that it mounts without naming entries, by the name of the volume."""


def mounted_files(pod: dict[str, Any], release: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each file in the projected volumes.

    Contents come from the objects of the release. A Secret that is not part of it has valid ones.
    """
    for volume in pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            (kind, reference), *_ = source.items()
            content = _content(kind, reference.get("name"), release)
            for item in reference.get("items", OF_WHOLE_SECRETS.get(volume["name"], ())):
                yield item["path"], content.get(item["key"]) or valid_content(item["key"])


def _content(kind: str, name: str | None, release: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the entries of a Secret or ConfigMap of the release, {} if it is not part of it."""
    for found in release:
        if (found["kind"].lower(), found["metadata"]["name"]) == (kind.lower(), name):
            data: dict[str, str] = found["data"]
            if kind == "secret":
                return {key: base64.b64decode(value).decode() for key, value in data.items()}
            return data
    return {}


def valid_content(key: str) -> str:
    """Return a valid value for the entry of a Secret."""
    return _MADE[key]() if key in _MADE else _TEXT


@cache
def _authority() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return self_signed(Path(folder)).authority.read_text(encoding="utf-8")


_MADE: Final[dict[str, Callable[[], str]]] = {
    "keys.json": lambda: json.dumps({"keys": [new_jwk(HS256)]}),
    "vault-keys.json": lambda: json.dumps({"keys": [new_key()]}),
    "oidc-keys": lambda: json.dumps({"keys": [new_jwk(RS256), new_jwk(ES256)]}),
    "service-clients.json": lambda: json.dumps({"tickets": _TEXT}),
    "upstreams.json": lambda: _EXAMPLE.read_text(encoding="utf-8"),
    "ca.crt": _authority,
    "redis-url": lambda: "rediss://:password@redis:6379/0",
    "password-must-change": lambda: "true",
}
