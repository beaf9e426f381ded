"""What a run says: each check, whether it ran, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """Prints as it goes; `strict` makes a check that did not run a failure, as CI must.

    One of those that may be missing is said like any other, and is no failure.
    """

    strict: bool
    may_be_missing: frozenset[str] = frozenset()
    failures: int = 0
    _missing: list[str] = field(default_factory=list)

    def passed(self, check: str) -> None:
        """Say that a check found nothing."""
        print(f"ok       {check}", flush=True)

    def left_out(self, check: str, reason: str) -> None:
        """Say that a check does not apply, and why."""
        print(f"-        {check}: {reason}", flush=True)

    def failed(self, check: str, problems: Sequence[str]) -> None:
        """Say what is wrong."""
        self.failures += 1
        print(f"FAILED   {check}", flush=True)
        for problem in problems:
            print(f"         {problem}", flush=True)

    def judged(self, check: str, problems: Sequence[str]) -> None:
        """Say what is wrong, or that nothing is."""
        if problems:
            self.failed(check, problems)
        else:
            self.passed(check)

    def not_run(self, check: str, reason: str) -> None:
        """Say that a check did not run: nothing is known about what it looks for."""
        self._missing.append(check)
        print(f"NOT RUN  {check}: {reason}", flush=True)

    def conclude(self) -> int:
        """Print the outcome; return the exit status."""
        words = [f"{self.failures} failed"] if self.failures else []
        if self._missing:
            words.append(f"NOT RUN: {', '.join(self._missing)}")
        print(f"chart-check: {'; '.join(words) or 'all ran, nothing found'}")
        forbidden = set(self._missing) - self.may_be_missing if self.strict else set()
        return 1 if self.failures or forbidden else 0
