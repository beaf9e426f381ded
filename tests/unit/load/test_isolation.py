"""locust patches the standard library on import, so tests must not import it."""

import json
import re
import subprocess
import sys
from pathlib import Path

LOADTEST = Path(__file__).parents[3] / "loadtest"
OPENAPI = Path(__file__).parents[3] / "docs" / "api" / "openapi.json"
_PREFIXES = {"AUTH": "/api/v1/auth", "USERS": "/api/v1/users", "TICKETS": "/api/v1/tickets"}


def test_the_load_package_does_not_import_locust() -> None:
    modules = sorted(
        f"load.{path.stem}" for path in (LOADTEST / "load").glob("[!_]*.py") if path.stem != "local_chain"
    )
    assert "load.thresholds" in modules
    program = (
        f"import sys, load.__main__, {', '.join(modules)}; print({{'locust', 'gevent'}} & set(sys.modules))"
    )
    environment = {"PYTHONPATH": str(LOADTEST)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_no_test_runs_with_patched_sockets() -> None:
    assert "gevent" not in sys.modules
    assert "locust" not in sys.modules


def test_routes_are_named_as_the_openapi_document_names_them() -> None:
    """A threshold has to find its route in the statistics."""
    paths = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
    known = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    files = [*LOADTEST.glob("load/*.py"), *LOADTEST.glob("scenarios/*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    found = re.findall(r'f"((?:GET|POST|PUT|PATCH|DELETE) \{[A-Z]+\}[^"?]*)"', text)
    used = {
        re.sub(r"^(\S+ )\{(\w+)\}", lambda match: match[1] + _PREFIXES[match[2]], route) for route in found
    }
    used = {route.replace("{{", "{").replace("}}", "}") for route in used}
    assert len(used) > 15
    assert used - known == set()
