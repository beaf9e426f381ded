"""Prints the checks and their results."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """Prints each result at once. `strict` makes a check that did not run a failure."""

    strict: bool
    failures: int = 0
    _missing: list[str] = field(default_factory=list)

    def passed(self, check: str) -> None:
        """Report a check without problems."""
        print(f"ok       {check}", flush=True)

    def left_out(self, check: str, reason: str) -> None:
        """Report a check that does not apply."""
        print(f"-        {check}: {reason}", flush=True)

    def failed(self, check: str, problems: Sequence[str]) -> None:
        """Report problems."""
        self.failures += 1
        print(f"FAILED   {check}", flush=True)
        for problem in problems:
            print(f"         {problem}", flush=True)

    def judged(self, check: str, problems: Sequence[str]) -> None:
        """Report problems, or that there are none."""
        if problems:
            self.failed(check, problems)
        else:
            self.passed(check)

    def not_run(self, check: str, reason: str) -> None:
        """Report a check that did not run."""
        self._missing.append(check)
        print(f"NOT RUN  {check}: {reason}", flush=True)

    def conclude(self) -> int:
        """Print the summary; return the exit status."""
        words = [f"{self.failures} failed"] if self.failures else []
        if self._missing:
            words.append(f"NOT RUN: {', '.join(self._missing)}")
        print(f"chart-check: {'; '.join(words) or 'all checks passed'}")
        return 1 if self.failures or (self.strict and self._missing) else 0
