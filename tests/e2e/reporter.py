"""Prints the progress and the result of a run."""

import sys
from typing import Final, NoReturn

_INDENT: Final = " " * 6


class StepFailedError(Exception):
    """A check failed; the message names it."""


class Reporter:
    """Prints each step and each check, and counts them."""

    def __init__(self) -> None:
        self.checks = 0
        self.steps = 0
        self.skipped: list[str] = []
        self._step = ""

    def say(self, text: str = "") -> None:
        """Print a line."""
        print(text, flush=True)

    def begin(self, title: str, promise: str = "") -> None:
        """Print the title and the description of the next step."""
        self.steps += 1
        self._step = title
        self.say(f"{self.steps:2d}. {title}")
        if promise:
            self.say(f"    {promise}")

    def proved(self, what: str) -> None:
        """Print a passed check."""
        self.checks += 1
        self.say(f"{_INDENT}ok  {what}")

    def skip(self, why: str) -> None:
        """Print that the step, or the rest of it, is skipped."""
        self.skipped.append(self._step)
        self.say(f"{_INDENT}SKIPPED: {why}")

    def fail(self, what: str, seen: str) -> NoReturn:
        """End the run; raises StepFailedError."""
        raise StepFailedError(
            f'in step {self.steps}, "{self._step}":\n  expected: {what}\n  but got:  {seen}'
        )

    def conclude(self) -> None:
        """Print the summary."""
        self.say()
        self.say(f"PASSED: {self.checks} checks in {self.steps - len(self.skipped)} steps.")
        if self.skipped:
            self.say(f"SKIPPED: {len(self.skipped)} more steps, not proven here: {', '.join(self.skipped)}.")

    def abort(self, why: str) -> None:
        """Print on standard error why the run ends."""
        print(f"\nFAILED: {why}", file=sys.stderr, flush=True)
