"""The answers of the linters, cut down from what the real ones print."""

import json
from typing import Any

import pytest

from chart.findings import Finding
from chart.linters import read_checkov, read_kube_linter, read_kube_score


def test_kube_linter_names_check_object_and_message() -> None:
    report = {
        "Diagnostic": {"Message": "object has no owner"},
        "Check": "required-label-owner",
        "Object": {
            "K8sObject": {
                "Namespace": "doorward",
                "Name": "doorward-auth",
                "GroupVersionKind": {"Group": "apps", "Version": "v1", "Kind": "Deployment"},
            }
        },
    }
    assert read_kube_linter(json.dumps({"Checks": [], "Reports": [report]})) == [
        Finding("kube-linter", "required-label-owner", "Deployment/doorward-auth", "object has no owner")
    ]
    assert read_kube_linter('{"Reports": null}') == []


def _score(grade: int, *, skipped: bool = False) -> str:
    check: dict[str, Any] = {
        "check": {"id": "container-resources"},
        "grade": grade,
        "skipped": skipped,
        "comments": [{"path": "auth", "summary": "CPU limit is not set", "description": "long"}],
    }
    kind = {"kind": "Deployment", "apiVersion": "apps/v1"}
    return json.dumps([{"type_meta": kind, "object_meta": {"name": "doorward-auth"}, "checks": [check]}])


@pytest.mark.parametrize("grade", [1, 5])
def test_kube_score_counts_critical_and_warning(grade: int) -> None:
    assert read_kube_score(_score(grade)) == [
        Finding("kube-score", "container-resources", "Deployment/doorward-auth", "auth: CPU limit is not set")
    ]


@pytest.mark.parametrize("answer", [_score(7), _score(10), _score(0, skipped=True), "null"])
def test_kube_score_leaves_out_what_is_well_or_was_skipped(answer: str) -> None:
    assert read_kube_score(answer) == []


def _checkov(errors: list[str], resource: str = "Deployment.default.doorward-auth") -> str:
    failed = {"check_id": "CKV_K8S_43", "check_name": "Image should use digest", "resource": resource}
    return json.dumps({"results": {"failed_checks": [failed], "parsing_errors": errors}})


@pytest.mark.parametrize(
    ("resource", "subject"),
    [
        ("Deployment.default.doorward-auth", "Deployment/doorward-auth"),
        ("Service.doorward.a.b", "Service/a.b"),
    ],
)
def test_checkov_names_kind_and_name(resource: str, subject: str) -> None:
    found = Finding("checkov", "CKV_K8S_43", subject, "Image should use digest")
    assert read_checkov(_checkov([], resource)) == [found]


@pytest.mark.parametrize("answer", [_checkov(["a.yaml"]), '{"passed": 0, "failed": 0, "resource_count": 0}'])
def test_checkov_that_read_nothing_did_not_find_nothing(answer: str) -> None:
    with pytest.raises(ValueError, match="could not read"):
        read_checkov(answer)
