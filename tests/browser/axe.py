"""axe-core, which checks pages for barriers: from npm, once for each machine."""

import hashlib
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from support.cache import cache_folder
from support.requirements import Program, need

_VERSION: Final = "4.14.1"
_SHA256: Final = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
_NPM: Final = Program("npm", "npm")
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN: Final = """async rules => {
    // It would load the sheets of other hosts by itself, which the page's policy rejects.
    const options = { runOnly: rules, resultTypes: ["violations"], preload: false };
    const found = await axe.run(document, options);
    return found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(" ")}`);
}"""


def violations(page: Page) -> list[str]:
    """Return what is against WCAG 2.2 AA or good practice on a page."""
    # Not as a <script> element, which the page's policy rejects.
    page.evaluate(source())
    found: list[Any] = page.evaluate(_RUN, RULES)
    return [str(violation) for violation in found]


@cache
def source() -> str:
    """Return its script."""
    folder = cache_folder()
    cached = folder / f"axe-core-{_VERSION}.tgz"
    if not cached.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as new:
            subprocess.run(
                [need(_NPM), "pack", "--silent", f"axe-core@{_VERSION}"],
                cwd=new,
                check=True,
                timeout=300,
                stdout=subprocess.DEVNULL,
            )
            (Path(new) / cached.name).replace(cached)
    assert hashlib.sha256(cached.read_bytes()).hexdigest() == _SHA256
    with tarfile.open(cached) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode("utf-8")
