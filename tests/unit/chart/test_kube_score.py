"""The output of kube-score, cut down from a real one."""

import json
from typing import Any

import pytest

from chart.kube_score import EXEMPTIONS, Exemption, Finding, read, unexpected

POLICY = Finding("container-image-pull-policy", "Deployment/doorward-auth", "not Always", "a.yaml")


def _output(grade: int, *, skipped: bool = False) -> str:
    check: dict[str, Any] = {
        "check": {"id": "container-resources"},
        "grade": grade,
        "skipped": skipped,
        "comments": [{"path": "auth", "summary": "CPU limit is not set", "description": "long"}],
    }
    kind = {"kind": "Deployment", "apiVersion": "apps/v1"}
    return json.dumps([{"type_meta": kind, "object_meta": {"name": "doorward-auth"}, "checks": [check]}])


@pytest.mark.parametrize("grade", [1, 5])
def test_critical_findings_and_warnings_are_read(grade: int) -> None:
    found = Finding("container-resources", "Deployment/doorward-auth", "auth: CPU limit is not set", "a.yaml")
    assert read(_output(grade), "a.yaml") == [found]


@pytest.mark.parametrize("output", [_output(7), _output(10), _output(0, skipped=True), "null"])
def test_passed_and_skipped_checks_are_not(output: str) -> None:
    assert read(output, "a.yaml") == []


@pytest.mark.parametrize("subjects", ["Deployment/doorward-auth", "Deployment/*", "*"])
def test_an_exemption_covers_its_findings(subjects: str) -> None:
    assert unexpected([POLICY], [Exemption(POLICY.check, subjects, "because")]) == []


@pytest.mark.parametrize(
    "other",
    [
        Exemption("container-image-tag", "*", "another check"),
        Exemption(POLICY.check, "Job/*", "another kind"),
        Exemption(POLICY.check, "Deployment/doorward", "another name"),
        Exemption(POLICY.check, "*", "other values", "b.yaml"),
    ],
)
def test_a_finding_without_exemption_and_an_exemption_without_finding_are_reported(other: Exemption) -> None:
    assert unexpected([POLICY], [other]) == [
        str(POLICY),
        f"exemption without a finding: {other.check} {other.subjects} {other.values}",
    ]


def test_every_exemption_has_a_reason() -> None:
    assert all(len(entry.reason) > 20 for entry in EXEMPTIONS)
