import pytest

from chart.report import Report


@pytest.mark.parametrize("strict", [True, False])
def test_all_is_well(capsys: pytest.CaptureFixture[str], *, strict: bool) -> None:
    report = Report(strict=strict)
    report.judged("schemas", [])
    report.left_out("byte-identical: generated.yaml", "random")
    assert report.conclude() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "chart-check: all ran, nothing found"


def test_a_failure_fails_and_names_each_problem(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(strict=False)
    report.judged("schemas", ["Service/auth: spec: wrong", "Job/migrate: spec: wrong"])
    report.passed("another")
    assert report.conclude() == 1
    said = capsys.readouterr().out
    assert "FAILED   schemas" in said
    assert "Service/auth" in said
    assert "Job/migrate" in said


@pytest.mark.parametrize(("missing", "status"), [("kube-linter", 0), ("checkov", 1)])
def test_what_may_be_missing_is_said_and_fails_nothing(
    capsys: pytest.CaptureFixture[str], missing: str, status: int
) -> None:
    report = Report(strict=True, may_be_missing=frozenset({"kube-linter"}))
    report.not_run(missing, "not here")
    assert report.conclude() == status
    assert f"NOT RUN: {missing}" in capsys.readouterr().out


@pytest.mark.parametrize(("strict", "status"), [(True, 1), (False, 0)])
def test_what_did_not_run_is_said_and_fails_under_ci(
    capsys: pytest.CaptureFixture[str], *, strict: bool, status: int
) -> None:
    report = Report(strict=strict)
    report.not_run("kube-linter", "not here")
    assert report.conclude() == status
    assert "NOT RUN  kube-linter: not here" in capsys.readouterr().out
