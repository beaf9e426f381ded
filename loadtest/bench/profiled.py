"""`python -m bench.profiled REPORT`: the users service with a profiler on its event loop.

cProfile makes Python calls look dearer than they are (and C calls not), so read it for what is
called and how often; the microseconds to trust are those of the table.
"""

import cProfile
import io
import pstats
import sys
from pathlib import Path
from typing import Final

from doorward_users.main import main

_LINES: Final = 45


def run(report: Path) -> int:
    """Serve until told to stop, then write the profile."""
    profile = cProfile.Profile()
    status = profile.runcall(main)
    text = io.StringIO()
    statistics = pstats.Stats(profile, stream=text).strip_dirs()
    statistics.sort_stats("tottime").print_stats(_LINES)
    report.write_text(text.getvalue(), encoding="utf-8")
    profile.dump_stats(report.with_suffix(".pstats"))
    return status


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
