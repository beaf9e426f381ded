"""The files that a pod mounts, with contents that its program accepts."""

import base64
import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from chart.tools import ROOT
from doorward_auth.upstream.vault.rotation import new_key
from doorward_client.keys.key_set import HS256
from doorward_kit.key_rotation import new_jwk
from support.certificates import self_signed

_TEXT: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Long enough for every secret."""

def mounted_files(pod: dict[str, Any], release: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each file in the projected volumes.

    Contents come from the objects of the release. A Secret that is not part of it has valid ones; of a Secret
    that is mounted as a whole, that is the example of docs/upstream.md.
    """
    for volume in pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            (kind, reference), *_ = source.items()
            content = _content(kind, reference["name"], release)
            for item in reference.get("items", [{"key": "upstreams.json", "path": "upstreams.json"}]):
                yield item["path"], content.get(item["key"]) or valid_content(item["key"])


def _content(kind: str, name: str, release: Sequence[dict[str, Any]]) -> dict[str, str]:
    for found in release:
        if found["kind"].lower() == kind.lower() and found["metadata"]["name"] == name:
            data: dict[str, str] = found.get("data", {})
            is_encoded = kind == "secret"
            return {
                key: base64.b64decode(value).decode() if is_encoded else value for key, value in data.items()
            }
    return {}


def valid_content(key: str) -> str:
    """Return a valid value for the entry of a Secret."""
    match key:
        case "keys.json":
            return json.dumps({"keys": [new_jwk(HS256)]})
        case "vault-keys.json":
            return json.dumps({"keys": [new_key()]})
        case "upstreams.json":
            return (ROOT / "docs/examples/upstream/upstreams.json").read_text(encoding="utf-8")
        case "ca.crt":
            return _authority()
        case "password-must-change":
            return "true"
        case "service-clients.json":
            return json.dumps({"tickets": _TEXT})
        case "redis-url":
            return "rediss://:password@redis:6379/0"
        case _:
            return _TEXT


@cache
def _authority() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return self_signed(Path(folder)).authority.read_text(encoding="utf-8")
