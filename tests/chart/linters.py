"""kube-linter, kube-score and checkov: run on rendered objects, their answers read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from chart.findings import Finding
from chart.render import KUBERNETES
from chart.tools import CHECKOV, KUBE_LINTER, KUBE_SCORE, Tool, run

# kube-linter's own that say nothing here: it downloads schemas for one (chart.schemas looks at more of
# them), and the other wants keys in the order of the alphabet.
_KUBE_LINTER_EXCLUDED: Final = ("schema-validation", "sorted-keys")
# kube-score's own that are off unless asked for and that say something about pods like ours.
_KUBE_SCORE_OPTIONAL: Final = ("container-seccomp-profile", "container-ports-check")
_KUBE_SCORE_OK: Final = 7
_FOUND_SOMETHING: Final = 1


def kube_linter(manifest: Path) -> list[Finding]:
    """Return what kube-linter finds with all of its checks but two."""
    arguments = ["lint", "--add-all-built-in", "--format", "json", "--fail-on-invalid-resource"]
    for check in _KUBE_LINTER_EXCLUDED:
        arguments += ["--exclude", check]
    return read_kube_linter(run(KUBE_LINTER, [*arguments, manifest], accepted=(0, _FOUND_SOMETHING)))


def kube_score(manifest: Path) -> list[Finding]:
    """Return what kube-score finds: what it calls critical and what it calls a warning."""
    arguments = ["score", "--output-format", "json", "--kubernetes-version", f"v{KUBERNETES[-1]}"]
    for check in _KUBE_SCORE_OPTIONAL:
        arguments += ["--enable-optional-test", check]
    return read_kube_score(run(KUBE_SCORE, [*arguments, manifest], accepted=(0, _FOUND_SOMETHING)))


def checkov(manifest: Path) -> list[Finding]:
    """Return what checkov finds, without asking its maker's service for anything."""
    arguments = ["--framework", "kubernetes", "--output", "json", "--compact", "--skip-download"]
    return read_checkov(run(CHECKOV, [*arguments, "--file", manifest], accepted=(0, _FOUND_SOMETHING)))


LINTERS: Final[tuple[tuple[Tool, Callable[[Path], list[Finding]]], ...]] = (
    (KUBE_LINTER, kube_linter),
    (KUBE_SCORE, kube_score),
    (CHECKOV, checkov),
)


def read_kube_linter(answer: str) -> list[Finding]:
    """Read the JSON of `kube-linter lint`."""
    findings = []
    for report in json.loads(answer)["Reports"] or []:
        k8s = report["Object"]["K8sObject"]
        subject = f"{k8s['GroupVersionKind']['Kind']}/{k8s['Name']}"
        findings.append(Finding("kube-linter", report["Check"], subject, report["Diagnostic"]["Message"]))
    return findings


def read_kube_score(answer: str) -> list[Finding]:
    """Read the JSON of `kube-score score`."""
    findings = []
    for found in json.loads(answer) or []:
        subject = f"{found['type_meta']['kind']}/{found['object_meta']['name']}"
        for check in found["checks"]:
            if not check["skipped"] and check["grade"] < _KUBE_SCORE_OK:
                message = "; ".join(_kube_score_comment(one) for one in check["comments"] or [])
                findings.append(Finding("kube-score", check["check"]["id"], subject, message))
    return findings


def _kube_score_comment(comment: dict[str, Any]) -> str:
    where = f"{comment['path']}: " if comment["path"] else ""
    return f"{where}{comment['summary']}"


def read_checkov(answer: str) -> list[Finding]:
    """Read the JSON of `checkov`; raises ValueError when it read nothing, where nothing is found either."""
    document = json.loads(answer)
    if "results" not in document or document["results"]["parsing_errors"]:
        raise ValueError("checkov could not read its input")
    findings = []
    for check in document["results"]["failed_checks"]:
        kind, _, name = check["resource"].split(".", 2)
        findings.append(Finding("checkov", check["check_id"], f"{kind}/{name}", check["check_name"]))
    return findings
