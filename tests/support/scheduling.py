"""Which tests one of several worker processes runs together: those that share servers."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

_FOLDERS: Final = (
    "tests/edge/",
    "tests/integration/failures/",
    "tests/integration/remote/",
    "tests/integration/sessions/",
    "tests/integration/throttling/",
)
"""Their servers live for the whole session: in one worker they start once."""


class ByServers(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """Gives a worker a file at a time, or a folder whose tests share servers."""

    def _split_scope(self, nodeid: str) -> str:
        for folder in _FOLDERS:
            if nodeid.startswith(folder):
                return folder
        return nodeid.split("::", 1)[0]
