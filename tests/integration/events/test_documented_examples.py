"""The examples of docs/events.md, run as they are written there."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from integration.events.conftest import Processes
from support.client import AUTH
from support.processes import inherited_environment
from support.requirements import Program, need

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "events.md"
NODE: Final = Program("node", "nodejs")

# A page has the origin of its server; Node has none.
_JAVASCRIPT: Final = """
const [server, token] = process.argv.slice(2);
const fetchFromServer = globalThis.fetch;
globalThis.fetch = (path, options) => fetchFromServer(server + path, options);
%s
await listen(token, (name, data) => console.log(JSON.stringify([name, data])));
"""
_PYTHON: Final = """
%s
import sys
for event in listen(*sys.argv[1:]):
    print(json.dumps(event), flush=True)
"""


def example(language: str) -> str:
    """Return the only code of a language in the document."""
    [code] = re.findall(
        rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return str(code)


def events_until_logout(processes: Processes, command: Sequence[str | Path]) -> list[Any]:
    """Run an example, log out once it has the state, and return its events."""
    token = processes.log_in()
    arguments = [*map(str, command), processes.other_auth.url, token]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, env=inherited_environment()
    ) as running:
        assert running.stdout is not None
        first = running.stdout.readline()
        assert first, "no event"
        processes.call(processes.auth, "POST", f"{AUTH}/logout", token)
        rest = running.stdout.readlines()
        assert running.wait(60) == 0
    return [json.loads(line) for line in (first, *rest)]


def assert_state_and_end(events: list[Any]) -> None:
    assert [name for name, _data in events] == ["state", "session.ended"]
    assert events[0][1]["session_id"] == events[1][1]["session_id"]


def test_the_browsers_example(processes: Processes, tmp_path: Path) -> None:
    program = tmp_path / "listen.mjs"
    program.write_text(_JAVASCRIPT % example("js"), encoding="utf-8")
    assert_state_and_end(events_until_logout(processes, [need(NODE), program]))


def test_the_browsers_example_reports_a_rejection(processes: Processes, tmp_path: Path) -> None:
    program = tmp_path / "listen.mjs"
    program.write_text(_JAVASCRIPT % example("js"), encoding="utf-8")
    done = subprocess.run(
        [need(NODE), program, processes.auth.url, "garbage"],
        capture_output=True,
        text=True,
        env=inherited_environment(),
        check=False,
    )
    assert done.returncode != 0
    assert "invalid_token" in done.stderr


def test_the_example_in_python(processes: Processes, tmp_path: Path) -> None:
    program = tmp_path / "listen.py"
    program.write_text(_PYTHON % example("python"), encoding="utf-8")
    assert_state_and_end(events_until_logout(processes, [sys.executable, program]))


def test_the_examples_are_about_ten_lines() -> None:
    assert len(example("js").splitlines()) <= 12
    assert len(example("python").splitlines()) <= 13
