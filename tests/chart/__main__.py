"""`python -m chart`: check charts/doorward with every values file in its ci folder, without a cluster.

A check whose program is missing is said to have not run; with CI=true that is a failure, unless --without
names the program: a registry may not have it.
"""

import argparse
import dataclasses
import difflib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from chart import findings, linters, manifests
from chart.environment import problems
from chart.render import KUBERNETES, Case, cases, lint, objects, render, takes
from chart.report import Report
from chart.schemas import core_problem, custom_problem, is_custom
from chart.tools import HELM, MissingToolError, ToolError, find
from chart_values import sections

_SHOWN: Final = 12
# With any of these a value would do nothing, or what is made would be refused or not start.
CONTRADICTIONS: Final = (
    "externalDatabase.host=db.example.com",
    "mariadb.enabled=false",
    "keys.shared=false",
    "valkey.enabled=true,valkey.existingSecret=mine",
    "registration=domains",
    "registrationDomains={example.com}",
    "mail.host=smtp.example.com",
    "mail.host=smtp.example.com,mail.from=a@example.com,mail.username=doorward",
    "mail.host=smtp.example.com,mail.from=a@example.com,mail.username=a,mail.existingSecret=b,mail.tls=none",
    "mail.host=smtp.example.com,mail.from=nobody",
    "mariadb.enabled=false,externalDatabase.host=db.example.com:3306",
    "ingress.tlsSecret=certificate",
    "httpRoute.enabled=true",
    "appUrl=https://app.example.com/",
    "users.autoscaling.enabled=true,users.autoscaling.minReplicas=9",
    "users.extraEnv[0].name=DOORWARD_LOG_LEVEL,users.extraEnv[0].value=debug",
    "users.extraEnv[0].name=DOORWARD_ACCESS_LOG,users.extraEnv[0].value=false",
    r"users.podLabels.app\.kubernetes\.io/component=mine",
    "podSecurityContext.runAsUsr=1",
)


def main() -> int:
    """Check everything; return 0 when all of it ran and is right."""
    parser = argparse.ArgumentParser(prog="python -m chart", description="Check the chart without a cluster.")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=[tool.name for tool, _ in linters.LINTERS],
        help="a linter that may be missing here, even with CI=true; it runs where it is there",
    )
    options = parser.parse_args()
    strict = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    report = Report(strict=strict, may_be_missing=frozenset(options.without))
    try:
        find(HELM)
    except MissingToolError as error:
        report.not_run("everything", str(error))
        return report.conclude()
    rendered = {case: text for case in cases() if (text := _rendered(case, report)) is not None}
    if report.failures:  # what is left would be judged by a part of the objects
        return report.conclude()
    _typos(Case(), report)
    _environment(rendered, report)
    _schemas(list(rendered), report)
    _linters(rendered, report)
    _manifests(report)
    return report.conclude()


def _rendered(case: Case, report: Report) -> str | None:
    """Return the objects of a case once Helm has nothing to say about it and repeats itself."""
    try:
        lint(case)
        report.passed(f"helm lint --strict: {case.name}")
        first, second = render(case), render(case)
    except ToolError as error:
        report.failed(case.name, [str(error)])
        return None
    if case.makes_secrets:
        report.left_out(f"byte-identical: {case.name}", "the chart makes secrets there, new with each render")
    elif first == second:
        report.passed(f"byte-identical: {case.name}")
    else:
        report.failed(f"byte-identical: {case.name}", _changes(first, second))
    return first


def _changes(first: str, second: str) -> list[str]:
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), n=0, lineterm="")
    return ["two renders differ:", *list(lines)[2:_SHOWN]]


def _typos(case: Case, report: Report) -> None:
    """Check that a value that there is not is refused, wherever there are values."""
    values = sections((case.chart / "values.yaml").read_text(encoding="utf-8"))
    taken = [path for path in values if takes(case, f"{path}.mispelt=1".removeprefix("."))]
    report.judged("misspelt values are refused", [f"taken: {path or 'at the top'}" for path in taken])
    wrong = [f"taken: {values}" for values in CONTRADICTIONS if takes(case, values)]
    report.judged("values that contradict each other are refused", wrong)


def _environment(rendered: dict[Case, str], report: Report) -> None:
    """Check that services and commands take the environment that they are given."""
    wrong = [
        f"{case.name}: {problem}"
        for case, text in rendered.items()
        for found in objects(text)
        for problem in problems(found)
    ]
    report.judged("services start with their environment and secrets", wrong)


def _schemas(rendered: list[Case], report: Report) -> None:
    """Check what is rendered for each version of Kubernetes against that version."""
    wrong: list[str] = []
    custom: dict[str, dict[str, Any]] = {}
    for version in KUBERNETES:
        known: set[str] = set()  # most objects are the same in every case
        for case in rendered:
            for found in objects(render(case, kubernetes=version)):
                content = repr(found)
                if is_custom(found):
                    custom[content] = found
                elif content not in known and (problem := core_problem(found, version)):
                    wrong.append(f"{case.name}: Kubernetes {version}: {problem}")
                known.add(content)
    report.judged(f"schemas of Kubernetes {', '.join(KUBERNETES)}", wrong)
    title = f"schemas of custom resources ({', '.join(sorted({one['kind'] for one in custom.values()}))})"
    try:
        report.judged(title, [problem for one in custom.values() if (problem := custom_problem(one))])
    except (MissingToolError, ToolError) as error:  # no Go, or nothing to download from
        report.not_run(title, str(error))


def _linters(rendered: dict[Case, str], report: Report) -> None:
    """Run each linter on each case; what it finds is accepted for a reason or wrong."""
    accepted = findings.load()
    seen: list[findings.Finding] = []
    ran: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for tool, linter in linters.LINTERS:
            try:
                mine: list[findings.Finding] = []
                for case, text in rendered.items():
                    manifest = Path(folder) / f"{case.name}"
                    manifest.write_text(text, encoding="utf-8")
                    mine += [dataclasses.replace(found, values=case.name) for found in linter(manifest)]
            except MissingToolError as error:
                report.not_run(tool.name, str(error))
                continue
            except (ToolError, ValueError) as error:
                report.failed(tool.name, [str(error)])
                continue
            seen += mine
            ran.append(tool.name)
            left = findings.unaccepted(mine, accepted)
            report.judged(
                f"{tool.name}: {len(set(mine)) - len(left)} findings accepted", [str(one) for one in left]
            )
    stale = findings.outdated(seen, accepted, ran=ran)
    report.judged("accepted findings are still found", [f"no longer found: {entry}" for entry in stale])


def _manifests(report: Report) -> None:
    """Check that deploy/manifests is what the chart makes, and kustomize builds something right of it."""
    names = [str(path.relative_to(manifests.FOLDER)) for path in manifests.stale()]
    report.judged("deploy/manifests in step", [f"{name}: run `make manifests`" for name in names])
    for overlay in manifests.OVERLAYS:
        title = f"deploy/manifests/{overlay}: kustomize, schema of Kubernetes {KUBERNETES[-1]}"
        try:
            found = manifests.built(overlay)
        except MissingToolError as error:
            report.not_run(title, str(error))
        except ToolError as error:
            report.failed(title, [str(error)])
        else:
            report.judged(title, [problem for one in found if (problem := core_problem(one, KUBERNETES[-1]))])


if __name__ == "__main__":
    sys.exit(main())
