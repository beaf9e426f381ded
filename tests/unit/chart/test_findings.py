from pathlib import Path

import pytest

from chart.findings import ACCEPTED, Acceptance, Finding, load, outdated, unaccepted

POLICY = Finding("kube-score", "container-image-pull-policy", "Deployment/doorward-auth", "not Always")
NAMESPACE = Finding("checkov", "CKV_K8S_21", "Service/doorward-auth", "default namespace")


def _accepting(finding: Finding, subjects: str) -> Acceptance:
    return Acceptance(finding.tool, finding.check, subjects, "because")


@pytest.mark.parametrize("subjects", ["Deployment/doorward-auth", "Deployment/*", "*"])
def test_what_is_accepted_is_left_out(subjects: str) -> None:
    assert unaccepted([POLICY, NAMESPACE, POLICY], [_accepting(POLICY, subjects)]) == [NAMESPACE]


@pytest.mark.parametrize(
    "other",
    [
        Acceptance("checkov", POLICY.check, "*", "another tool's"),
        Acceptance(POLICY.tool, "container-image-tag", "*", "another check"),
        _accepting(POLICY, "Job/*"),
        _accepting(POLICY, "Deployment/doorward"),
        _accepting(POLICY, "deployment/*"),
        Acceptance(POLICY.tool, POLICY.check, "*", "other values", "minimal-values.yaml"),
    ],
)
def test_what_is_not_meant_stays(other: Acceptance) -> None:
    assert unaccepted([POLICY], [other]) == [POLICY]


def test_what_is_no_longer_found_is_outdated() -> None:
    kept, gone = _accepting(POLICY, "Deployment/*"), _accepting(POLICY, "Job/*")
    assert outdated([POLICY], [kept, gone], ran=["kube-score"]) == [gone]


def test_of_a_tool_that_did_not_run_nothing_is_known() -> None:
    assert outdated([], [_accepting(POLICY, "*")], ran=["checkov"]) == []


def test_an_entry_stands_for_every_combination(tmp_path: Path) -> None:
    path = tmp_path / "accepted.yaml"
    entry = "{checks: [a A, b B], objects: [Job/x, Job/y], values: [one.yaml, two.yaml], reason: because}"
    path.write_text(f"- {entry}\n", encoding="utf-8")
    assert [str(one) for one in load(path)] == [
        f"{check} {job} ({values})"
        for check in ("a A", "b B")
        for job in ("Job/x", "Job/y")
        for values in ("one.yaml", "two.yaml")
    ]


def test_the_accepted_findings_of_the_chart_can_be_read() -> None:
    for entry in load(ACCEPTED):
        assert entry.tool in {"kube-linter", "kube-score", "checkov"}
        assert len(entry.reason) > 20, entry


@pytest.mark.parametrize(
    "entry",
    [
        "{checks: [checkov CKV_K8S_21], objects: ['*']}",
        "{checks: [checkov CKV_K8S_21], objects: ['*'], reason: ''}",
        "{checks: [checkov CKV_K8S_21], objects: [], reason: because}",
        "{checks: [checkov CKV_K8S_21], objects: ['*'], values: [], reason: because}",
        "{checks: [checkov CKV_K8S_21], objects: ['*'], reason: because, until: never}",
    ],
)
def test_an_entry_without_a_reason_or_with_another_key_is_an_error(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "accepted.yaml"
    path.write_text(f"- {entry}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="an entry has"):
        load(path)
