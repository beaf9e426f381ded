"""`python -m api_conformance`: run Schemathesis against `doorward serve`; return its exit status."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import httpx2

from support.standalone import Standalone

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(__file__).parent
SECONDS: Final = 120
"""How long generated requests are sent; the examples and edge cases of each operation come first."""

_PASSWORD: Final = "correct horse battery staple"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        server = Standalone(
            Path(folder),
            DOORWARD_ADMIN_PASSWORD=_PASSWORD,
            DOORWARD_REGISTRATION="open",
            DOORWARD_TICKETS_PER_HOUR="1000000",
            DOORWARD_REPLIES_PER_HOUR="1000000",
        )
        with server:
            return _run(server.url, _token(server.url))


def _token(url: str) -> str:
    body = {"email": "admin@example.com", "password": _PASSWORD}
    response = httpx2.post(f"{url}/api/v1/auth/token", json=body, timeout=30, trust_env=False)
    return str(response.raise_for_status().json()["access_token"])


def _run(url: str, token: str) -> int:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(FOLDER / "schemathesis.toml")),
        *("run", str(ROOT / "docs" / "api" / "openapi.json")),
        *("--url", url),
        *("--header", f"Authorization: Bearer {token}"),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-time", str(SECONDS)),
        # The same requests in each run; ARGS="--seed N" sends others.
        *("--seed", "1"),
        *("--warnings", "off"),
        "--continue-on-failure",
        *sys.argv[1:],
    ]
    paths = os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": paths, "SCHEMATHESIS_HOOKS": "api_conformance.hooks"}
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
