"""Every test that docs/conformance.md names exists."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
_NAMED: Final = re.compile(r"`(test_[a-z_0-9]+\.py)::(test_[a-z_0-9]+)`")


def test_a_module_has_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    files = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("oidc/**/test_*.py")
    }
    named = _NAMED.findall(page)
    assert len(named) > 30
    assert [(file, test) for file, test in named if f"def {test}(" not in files.get(file, "")] == []
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if not _NAMED.search(row)] == []
