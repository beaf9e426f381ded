"""Which tests one of several worker processes runs together: those that share servers."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

FOLDERS: Final = (
    "tests/browser/",
    "tests/edge/",
    "tests/integration/events/",
    "tests/integration/failures/",
    "tests/integration/rate_limiting/",
    "tests/integration/remote/",
    "tests/integration/sessions/",
)
"""Their servers are fixtures of a package: in one worker they start once, and stop after the last test."""


class ByServers(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """Gives a worker a file at a time, or a folder whose tests share servers."""

    def _split_scope(self, nodeid: str) -> str:
        for folder in FOLDERS:
            if nodeid.startswith(folder):
                return folder
        return nodeid.split("::", 1)[0]
