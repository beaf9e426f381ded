"""`python -m bench.profiler SERVICE REPORT`: run a service with a profiler on its threads.

cProfile overstates the cost of Python calls, but not of C calls. Read which functions are called and how
often, but take the microseconds from the benchmark's table. Time in `recv_into` and `Condition.wait` is
waiting.
"""

import cProfile
import importlib
import io
import pstats
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

_LINES: Final = 45

T = TypeVar("T")


def profile_call(call: Callable[[], T], report: Path) -> T:
    """Profile the call, write the report, and return the call's result.

    Threads that it starts have a report of their own. From Python 3.12 on one profile covers all threads.
    """
    own = cProfile.Profile()
    others: list[cProfile.Profile] = []

    def begin(*_event: object) -> None:
        others.append(cProfile.Profile())
        others[-1].enable()  # replaces this function in the current thread

    if sys.version_info < (3, 12):
        threading.setprofile(begin)
    result = own.runcall(call)
    report.parent.mkdir(exist_ok=True)
    report.write_text(_render("main thread", [own]) + _render("other threads", others), encoding="utf-8")
    own.dump_stats(report.with_suffix(".pstats"))
    return result


def _render(title: str, profiles: Sequence[cProfile.Profile]) -> str:
    if not profiles:
        return ""
    text = io.StringIO()
    statistics = pstats.Stats(*profiles, stream=text).strip_dirs()
    statistics.sort_stats("tottime").print_stats(_LINES)
    return f"=== {title}\n{text.getvalue()}"


if __name__ == "__main__":
    service = importlib.import_module(f"doorward_{sys.argv[1]}.main")
    sys.exit(profile_call(service.main, Path(sys.argv[2])))
