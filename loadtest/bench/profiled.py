"""`python -m bench.profiled SERVICE REPORT`: a service with a profiler on its threads.

cProfile makes Python calls look dearer than they are (and C calls not), so read it for what is
called and how often; the microseconds to trust are those of the table. Time in `recv_into` and
in `Condition.wait` is waiting.
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
    """Return what `call` returns, and write where it spent its time.

    The threads that it started are reported together, where the interpreter tells threads apart: from
    3.12 on it does not, and the one profile has them all.
    """
    own = cProfile.Profile()
    others: list[cProfile.Profile] = []

    def begin(*_event: object) -> None:
        others.append(cProfile.Profile())
        others[-1].enable()  # from here on in this thread, in place of this function

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
