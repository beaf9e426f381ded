"""What linters find, and which of it is accepted for a reason."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

ACCEPTED: Final = Path(__file__).parent / "accepted.yaml"


@dataclass(frozen=True, order=True)
class Finding:
    """One complaint of one tool about one object, `Kind/name`, made from one values file.

    The message is for people.
    """

    tool: str
    check: str
    subject: str
    message: str
    values: str = "values.yaml"

    def __str__(self) -> str:
        return f"{self.tool} {self.check}: {self.subject} ({self.values}): {self.message}"


@dataclass(frozen=True)
class Acceptance:
    """A finding that stays: the tool, its check, patterns of objects (`Job/*`) and values files, and why."""

    tool: str
    check: str
    subjects: str
    reason: str
    values: str = "*"

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is the one that is meant."""
        return (
            (self.tool, self.check) == (finding.tool, finding.check)
            and fnmatch.fnmatchcase(finding.subject, self.subjects)
            and fnmatch.fnmatchcase(finding.values, self.values)
        )

    def __str__(self) -> str:
        return f"{self.tool} {self.check} {self.subjects} ({self.values})"


def load(path: Path = ACCEPTED) -> list[Acceptance]:
    """Return the accepted findings; raises ValueError for one without a reason or with another key.

    An entry stands for each of its checks on each of its objects with each of its values files, and each
    must be found.
    """
    accepted: list[Acceptance] = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
        if set(entry) - {"values"} != {"checks", "objects", "reason"} or not all(entry.values()):
            raise ValueError(
                f"{path.name}: an entry has checks, objects and reason, and may have values: {entry}"
            )
        for name in entry["checks"]:
            tool, check = name.split(" ")
            accepted += [
                Acceptance(tool, check, subjects, entry["reason"], values)
                for subjects in entry["objects"]
                for values in entry.get("values", ["*"])
            ]
    return accepted


def unaccepted(findings: Iterable[Finding], accepted: Iterable[Acceptance]) -> list[Finding]:
    """Return the findings that nobody accepted, each once, in order."""
    known = list(accepted)
    return sorted({one for one in findings if not any(entry.covers(one) for entry in known)})


def outdated(
    findings: Iterable[Finding], accepted: Iterable[Acceptance], *, ran: Iterable[str]
) -> list[Acceptance]:
    """Return what is accepted and no longer found; what a tool that did not run finds is not known."""
    seen, tools = list(findings), set(ran)
    return [entry for entry in accepted if entry.tool in tools and not any(map(entry.covers, seen))]
