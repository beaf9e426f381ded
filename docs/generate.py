"""Write the tables of the READMEs and docs/api/openapi.json from the code and the chart themselves.

`python docs/generate.py` writes them, `--check` fails when one is out of step.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from chart_values import values_table
from doorward.docs import merged_openapi
from doorward.settings import StandaloneSettings
from doorward_auth.main import create_app as create_auth
from doorward_auth.settings import AuthSettings
from doorward_client.settings import PREFIX, DoorwardSettings
from doorward_tickets.main import create_app as create_tickets
from doorward_tickets.settings import TicketsSettings
from doorward_users.main import create_app as create_users
from doorward_users.settings import UsersSettings

ROOT: Final = Path(__file__).parent.parent
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_EXAMPLE: Final = {
    "database_url": SecretStr("sqlite://"),
    "secret_key": SecretStr("only to build the applications, never to sign"),
}
_ELSEWHERE: Final = {
    "auth_url": "http://auth:8000/api/v1/auth",
    "users_url": "http://users:8000/api/v1/users",
    "client_id": "tickets",
    "client_secret": SecretStr("only to build the applications, never to ask"),
}


def settings_table(settings: type[DoorwardSettings]) -> str:
    """Return a Markdown table of a service's settings."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = "required" if field.default is PydanticUndefined else f"`{_plain(field.default)}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def endpoints_table(document: dict[str, Any]) -> str:
    """Return a Markdown table of an OpenAPI document's operations."""
    rows = ["| request | does | who |", "|---|---|---|"]
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if operation := operations.get(method):
                who = _who(operation.get("security"))
                rows.append(f"| `{method.upper()} {path}` | {operation['summary']} | {who} |")
    return "\n".join(rows)


def _who(security: list[dict[str, list[str]]] | None) -> str:
    if not security:
        return "anybody"
    roles = [role for schemes in security for scopes in schemes.values() for role in scopes]
    return ", ".join(f"`{role}`" for role in roles) or "signed in"


def _plain(default: object) -> str:
    if default is None or default in {(), ""}:
        return "(none)"
    return str(default.value if hasattr(default, "value") else default)


def _filled(text: str, name: str, table: str) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"a README has no place for its table: <!-- {name} --> and <!-- /{name} -->")
    return pattern.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


def _readme(folder: str, settings: type[DoorwardSettings], document: dict[str, Any]) -> tuple[Path, str]:
    path = ROOT / "services" / folder / "README.md"
    text = _filled(path.read_text(encoding="utf-8"), "settings", settings_table(settings))
    return path, _filled(text, "endpoints", endpoints_table(document))


def _chart_readme() -> dict[Path, str]:
    chart = ROOT / "charts" / "doorward"
    path = chart / "README.md"
    table = values_table((chart / "values.yaml").read_text(encoding="utf-8"))
    return {path: _filled(path.read_text(encoding="utf-8"), "values", table)}


def generated() -> dict[Path, str]:
    """Return every generated file and what it should hold."""
    auth: FastAPI = create_auth(AuthSettings.model_validate(_EXAMPLE))
    users: FastAPI = create_users(UsersSettings.model_validate(_EXAMPLE))
    tickets: FastAPI = create_tickets(TicketsSettings.model_validate(_EXAMPLE | _ELSEWHERE))
    document = merged_openapi([auth, users, tickets])
    return (
        dict(
            [
                _readme("auth", AuthSettings, auth.openapi()),
                _readme("users", UsersSettings, users.openapi()),
                _readme("tickets", TicketsSettings, tickets.openapi()),
                _readme("standalone", StandaloneSettings, document),
                (ROOT / "docs/api/openapi.json", json.dumps(document, indent=1) + "\n"),
            ]
        )
        | _chart_readme()
    )


def main() -> int:
    """Write, or with --check compare."""
    stale = []
    for path, text in generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(("out of step, run `make docs`: " if "--check" in sys.argv else "wrote ") + ", ".join(stale))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
