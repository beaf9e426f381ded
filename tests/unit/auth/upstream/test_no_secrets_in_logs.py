"""No secret is in any log line, at debug level, whatever an upstream answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("every_failure.py")


def test_every_failure_is_logged_without_a_secret() -> None:
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = {line["error"] for line in lines if line["event"] == "upstream.failed"}
    assert errors >= {
        "AlreadyTakenError",
        "FailedError",
        "InvalidGrantError",
        "MalformedAnswerError",
        "MisconfiguredError",
        "ValuesRejectedError",
        "ThrottledError",
        "UnreachableError",
        "UnverifiedIdentityError",
        "WrongPasswordError",
    }
    bodies = [line["body"] for line in lines if line["event"] == "upstream.error_body"]
    assert "<h1>AttributeError at /api/register</h1>" in bodies, "a harmless body is shown"
    assert None in bodies, "and another is not"
    text = done.stdout.lower()
    for secret in ("marked", "dekram", *done.stderr.lower().split()):
        assert secret not in text
