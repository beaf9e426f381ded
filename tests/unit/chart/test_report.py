import pytest

from chart.report import Report


@pytest.mark.parametrize("strict", [True, False])
def test_no_problem(capsys: pytest.CaptureFixture[str], *, strict: bool) -> None:
    report = Report(strict=strict)
    report.judged("schemas", [])
    report.left_out("byte-identical: generated-values.yaml", "random")
    assert report.conclude() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "chart-check: all checks passed"


def test_each_problem_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(strict=False)
    report.judged("schemas", ["Service/auth: spec: wrong", "Job/migrate: spec: wrong"])
    report.passed("another")
    assert report.conclude() == 1
    said = capsys.readouterr().out
    assert "FAILED   schemas" in said
    assert "Service/auth" in said
    assert "Job/migrate" in said


@pytest.mark.parametrize(("strict", "status"), [(True, 1), (False, 0)])
def test_a_check_that_did_not_run_is_reported_and_fails_if_strict(
    capsys: pytest.CaptureFixture[str], *, strict: bool, status: int
) -> None:
    report = Report(strict=strict)
    report.not_run("kube-score", "not installed")
    assert report.conclude() == status
    assert "NOT RUN  kube-score: not installed" in capsys.readouterr().out
