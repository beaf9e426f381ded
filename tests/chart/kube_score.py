"""kube-score on rendered objects: references between objects, and what its authors consider good practice."""

import fnmatch
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chart.render import KUBERNETES
from chart.tools import KUBE_SCORE, run

_OPTIONAL_CHECKS: Final = ("container-seccomp-profile", "container-ports-check")
_OK: Final = 7
_FOUND_SOMETHING: Final = 1


@dataclass(frozen=True, order=True)
class Finding:
    """A finding about an object (`Kind/name`), rendered with a values file."""

    check: str
    subject: str
    message: str
    values: str = ""

    def __str__(self) -> str:
        return f"{self.check}: {self.subject} ({self.values}): {self.message}"


@dataclass(frozen=True)
class Exemption:
    """A finding that is accepted, with the reason. `subjects` and `values` are patterns."""

    check: str
    subjects: str
    reason: str
    values: str = "*"

    def covers(self, finding: Finding) -> bool:
        return (
            self.check == finding.check
            and fnmatch.fnmatchcase(finding.subject, self.subjects)
            and fnmatch.fnmatchcase(finding.values, self.values)
        )


EXEMPTIONS: Final = (
    Exemption(
        "container-resources",
        "*",
        "A CPU limit rate_limits password hashes; chart.policy checks the rest.",
    ),
    Exemption(
        "container-image-pull-policy", "*", "Tags do not move. `Always` would make the registry a dependency."
    ),
    Exemption(
        "container-ephemeral-storage-request-and-limit", "*", "Read-only root; each emptyDir has a sizeLimit."
    ),
    Exemption(
        "deployment-has-host-podantiaffinity", "*", "Topology spread constraints also fit a one-node cluster."
    ),
    Exemption(
        "container-security-context-user-group-id", "StatefulSet/doorward-mariadb", "999 is the image's user."
    ),
    Exemption(
        "statefulset-has-servicename",
        "StatefulSet/doorward-mariadb",
        "One pod needs no headless Service.",
    ),
    Exemption(
        "container-security-context-user-group-id",
        "StatefulSet/doorward-db-proxy",
        "99 is the image's user.",
    ),
    Exemption(
        "statefulset-has-servicename",
        "StatefulSet/doorward-db-proxy",
        "Each pod has a Service of its own, whose address is known before the pod is.",
    ),
    Exemption(
        "service-targets-pod",
        "Service/doorward-db-proxy-?",
        "Kubernetes labels the pods of a StatefulSet with their names.",
    ),
    Exemption(
        "deployment-strategy", "Deployment/doorward-valkey", "Two instances would split the revocations."
    ),
    Exemption(
        "pod-probes-identical", "Deployment/doorward-valkey", "Valkey is ready as soon as its port is open."
    ),
    Exemption("deployment-strategy", "Deployment/doorward-dev-mailbox", "Two would share the mail."),
    Exemption(
        "pod-probes-identical",
        "Deployment/doorward-dev-mailbox",
        "It is ready as soon as its port is open.",
    ),
    Exemption("deployment-replicas", "*", "One pod per service, by these values.", "development-values.yaml"),
    Exemption("deployment-replicas", "*", "One pod, by these values.", "extra-services-values.yaml"),
    Exemption("pod-networkpolicy", "*", "NetworkPolicy is off in these values.", "minimal-values.yaml"),
    Exemption(
        "deployment-has-poddisruptionbudget",
        "*",
        "Budgets are off in these values.",
        "minimal-values.yaml",
    ),
    Exemption(
        "container-security-context-user-group-id",
        "*",
        "The platform assigns them.",
        "openshift-values.yaml",
    ),
)


def kube_score(manifest: Path) -> list[Finding]:
    """Return all findings, warnings and critical ones."""
    arguments = ["score", "--output-format", "json", "--kubernetes-version", f"v{KUBERNETES[-1]}"]
    for check in _OPTIONAL_CHECKS:
        arguments += ["--enable-optional-test", check]
    return read(run(KUBE_SCORE, [*arguments, manifest], accepted=(0, _FOUND_SOMETHING)), manifest.name)


def read(answer: str, values: str) -> list[Finding]:
    """Read the JSON output of `kube-score score`."""
    findings = []
    for found in json.loads(answer) or []:
        subject = f"{found['type_meta']['kind']}/{found['object_meta']['name']}"
        for check in found["checks"]:
            if not check["skipped"] and check["grade"] < _OK:
                message = "; ".join(_comment(one) for one in check["comments"] or [])
                findings.append(Finding(check["check"]["id"], subject, message, values))
    return findings


def _comment(comment: dict[str, Any]) -> str:
    path = f"{comment['path']}: " if comment["path"] else ""
    return f"{path}{comment['summary']}"


def unexpected(findings: Iterable[Finding], exemptions: Iterable[Exemption] = EXEMPTIONS) -> list[str]:
    """Return findings without an exemption, and exemptions without a finding."""
    found, exempt = set(findings), list(exemptions)
    wrong = [
        str(resource) for resource in sorted(found) if not any(entry.covers(resource) for entry in exempt)
    ]
    return wrong + [
        f"exemption without a finding: {entry.check} {entry.subjects} {entry.values}"
        for entry in exempt
        if not any(map(entry.covers, found))
    ]
