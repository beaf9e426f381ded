"""`python -m chart`: check charts/doorward with every values file in its ci folder, without a cluster.

A check whose program is not installed is reported as not run; with CI=true that is a failure.
"""

import difflib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from chart import manifests, policy, upstream_access, upstreams
from chart.environment import problems
from chart.kube_score import kube_score, unexpected
from chart.render import DEFAULTS, KUBERNETES, Case, accepts, cases, lint, objects, render
from chart.report import Report
from chart.schemas import core_problem, custom_problem, is_custom
from chart.tools import HELM, MissingToolError, ToolError, find
from chart_values import sections

_SHOWN: Final = 12
_OWN: Final = "extraServices.mine.image=registry.example.com/mine:1,extraServices.mine.path=/mine"
_PUBLIC_CLIENT: Final = "publicUrl=https://id.example.com,oidc.clients[0].client_id=a,oidc.clients[0].name=A,oidc.clients[0].kind=public"
_NODES: Final = "databaseProxy.nodes={10.0.0.1,10.0.0.2,10.0.0.3}"
_PROXIED: Final = f"mariadb.enabled=false,databaseProxy.enabled=true,{_NODES}"
_VERIFY_URL: Final = "https://captcha.example.com/siteverify"
_CAPTCHA: Final = f"captcha.verifyUrl={_VERIFY_URL},captcha.existingSecret=captcha"
# With each of these a value would have no effect, or a pod would not start.
CONTRADICTIONS: Final = (
    "image.registry=",
    "image.registry=myteam",  # of Docker Hub, as the next ones
    "mariadb.image=mariadb:11.8",
    "valkey.image=valkey/valkey:8.1",
    f"{_PROXIED},databaseProxy.image=haproxy:3.2",
    "mariadb.image=docker.io/library/mariadb",
    "extraServices.mine.image=mine/app:1,extraServices.mine.path=/mine",
    "externalDatabase.host=db.example.com",
    "mariadb.enabled=false",
    "databaseProxy.enabled=true",
    f"{_PROXIED},externalDatabase.host=db.example.com",
    "mariadb.enabled=false,databaseProxy.enabled=true,databaseProxy.nodes={10.0.0.1,10.0.0.2}",
    "mariadb.enabled=false,databaseProxy.enabled=true,databaseProxy.nodes={10.0.0.1,10.0.0.2,db-2.db.databases.svc}",
    f"{_PROXIED},databaseProxy.enabled=false,externalDatabase.host=db.example.com",
    "keys.shared=false",
    "valkey.enabled=true,valkey.existingSecret=mine",
    "registration=domains",
    "registration=open",
    "registration=domains,registrationDomains={example.com}",
    "devMailbox.enabled=true,mail.host=smtp.example.com,mail.from=a@example.com",
    "registrationDomains={example.com}",
    "mail.host=smtp.example.com",
    "mail.host=smtp.example.com,mail.from=a@example.com,mail.username=doorward",
    "mail.host=smtp.example.com,mail.from=a@example.com,mail.username=a,mail.existingSecret=b,mail.tls=none",
    "mail.host=smtp.example.com,mail.from=nobody",
    "mail.tlsSecret=smtp-ca",
    "mail.host=smtp.example.com,mail.from=a@example.com,mail.tls=none,mail.tlsSecret=smtp-ca",
    "mail.defaultLocale=german_",
    "directoryVisibility=everybody",
    "adminSetPasswordMustChange=maybe",
    "avatars.store=s3",
    "avatars.store=s3,avatars.s3.bucket=pictures",
    "avatars.store=s3,avatars.s3.existingSecret=storage",
    "avatars.store=folder",
    "avatars.s3.bucket=pictures",
    "avatars.store=s3,avatars.s3.bucket=a/b,avatars.s3.existingSecret=storage",
    f"captcha.verifyUrl={_VERIFY_URL}",
    "captcha.existingSecret=captcha",
    f"{_CAPTCHA},captcha.siteKey=0x4",
    f"{_CAPTCHA},captcha.scriptUrl=https://captcha.example.com/api.js",
    f"{_CAPTCHA},captcha.siteKey=0x4,captcha.scriptUrl=https://captcha.example.com/api.js,publicUrl=",
    "publicUrl=https://id.example.com,captcha.siteKey=0x4,captcha.scriptUrl=https://captcha.example.com/api.js",
    "captcha.egressTo[0].ipBlock.cidr=192.0.2.40/32",
    f"{_CAPTCHA},captcha.requiredFor={{registration}}",
    f"{_CAPTCHA},captcha.onError=ignore",
    "captcha.verifyUrl=captcha.example.com,captcha.existingSecret=captcha",
    f"{_CAPTCHA},auth.extraEnv[0].name=DOORWARD_CAPTCHA_VERIFY_URL,auth.extraEnv[0].value=https://a.example",
    "mariadb.enabled=false,externalDatabase.host=db.example.com:3306",
    "ingress.tlsSecret=certificate",
    "publicUrl=http://id.example.com",
    "publicUrl=https://id.example.com/",
    "publicUrl=https://id.example.com,issuer=doorward",
    "publicUrl=,oidc.clients[0].client_id=a,oidc.clients[0].name=A,oidc.clients[0].kind=public",
    "publicUrl=https://id.example.com,oidc.clients[0].client_id=a,oidc.clients[0].name=A,oidc.clients[0].kind=machine",
    f"{_PUBLIC_CLIENT},oidc.enabled=false",
    f"{_PUBLIC_CLIENT},oidc.clients[0].backchannel_logout_uri=https://app.example.com/logout",
    "publicUrl=,pages.themeConfigMap=look",
    "browserSessions.absoluteSeconds=3600",
    "sessions.maxPerUser=0",
    "httpRoute.enabled=true",
    "frontendUrl=https://app.example.com/",
    "users.autoscaling.enabled=true,users.autoscaling.minReplicas=9",
    "users.extraEnv[0].name=DOORWARD_LOG_LEVEL,users.extraEnv[0].value=debug",
    "users.extraEnv[0].name=DOORWARD_DIRECTORY_VISIBILITY,users.extraEnv[0].value=members",
    "users.extraEnv[0].name=DOORWARD_ACCESS_LOG,users.extraEnv[0].value=false",
    r"users.podLabels.app\.kubernetes\.io/component=mine",
    "podSecurityContext.runAsUsr=1",
    "extraServices.mine.path=/mine",
    "extraServices.mine.image=registry.example.com/mine:1",
    "extraServices.mine.image=mine,extraServices.mine.path=/mine",
    "extraServices.mine.image=registry.example.com/mine:1,extraServices.mine.path=mine",
    "extraServices.Mine.image=registry.example.com/mine:1,extraServices.Mine.path=/mine",
    "extraServices.valkey.image=registry.example.com/mine:1,extraServices.valkey.path=/mine",
    "extraServices.migrate.image=registry.example.com/mine:1,extraServices.migrate.path=/mine",
    f"{_OWN},extraServices.mine.path=/api/v1/users",
    f"{_OWN},extraServices.mine.env[0].name=DOORWARD_PORT,extraServices.mine.env[0].value=1",
)


def main() -> int:
    """Run every check; return 0 if all ran and passed."""
    report = Report(strict=os.environ.get("CI", "").lower() in {"1", "true", "yes"})
    try:
        find(HELM)
    except MissingToolError as error:
        report.not_run("everything", str(error))
        return report.conclude()
    rendered = {case: text for case in cases() if (text := _rendered(case, report)) is not None}
    if report.failures:  # the other checks would see a part of the objects
        return report.conclude()
    _rejected_values(report)
    _environment(rendered, report)
    _upstream_access(rendered, report)
    _schemas(list(rendered), report)
    _policy(rendered, report)
    _kube_score(rendered, report)
    _manifests(report)
    return report.conclude()


def _rendered(case: Case, report: Report) -> str | None:
    """Return the objects of a case, None if Helm rejects it."""
    try:
        lint(case)
        report.passed(f"helm lint --strict: {case.name}")
        first, second = render(case), render(case)
    except ToolError as error:
        report.failed(case.name, [str(error)])
        return None
    if case.generates_secrets:
        report.left_out(f"byte-identical: {case.name}", "the chart generates secrets")
    elif first == second:
        report.passed(f"byte-identical: {case.name}")
    else:
        report.failed(f"byte-identical: {case.name}", _changes(first, second))
    return first


def _changes(first: str, second: str) -> list[str]:
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), n=0, lineterm="")
    return ["two renders differ:", *list(lines)[2:_SHOWN]]


def _rejected_values(report: Report) -> None:
    """Check that unknown values and contradictions are rejected."""
    values = sections((DEFAULTS.chart / "values.yaml").read_text(encoding="utf-8"))
    taken = [path for path in values if accepts(DEFAULTS, f"{path}.mispelt=1".removeprefix("."))]
    report.judged("unknown values are rejected", [f"accepted: {path or 'at the top'}" for path in taken])
    wrong = [f"accepted: {values}" for values in CONTRADICTIONS if accepts(DEFAULTS, values)]
    report.judged("contradicting values are rejected", wrong)
    report.judged("upstreams are complete and consistent", upstreams.wrong_answers(DEFAULTS))


def _environment(rendered: dict[Case, str], report: Report) -> None:
    """Check that services and commands accept their environment."""
    releases = {case: objects(text) for case, text in rendered.items()}
    wrong = [
        f"{case.name}: {problem}"
        for case, release in releases.items()
        for found in release
        for problem in problems(found, release)
    ]
    report.judged("services start with their environment and secrets", wrong)


def _upstream_access(rendered: dict[Case, str], report: Report) -> None:
    """Check who gets upstreams and keys of the vault, and that a release without upstreams has neither."""
    wrong = [
        f"{case.name}: {problem}"
        for case, text in rendered.items()
        for problem in upstream_access.problems(case.name, objects(text))
    ]
    report.judged("upstreams are for auth alone", wrong)


def _schemas(rendered: list[Case], report: Report) -> None:
    """Validate what is rendered for each version of Kubernetes against that version."""
    wrong: list[str] = []
    custom: dict[str, dict[str, Any]] = {}
    for version in KUBERNETES:
        known: set[str] = set()  # most objects are the same in all cases
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


def _policy(rendered: dict[Case, str], report: Report) -> None:
    """Check the rules of chart.policy."""
    wrong = [
        f"{case.name}: {problem}"
        for case, text in rendered.items()
        for problem in policy.problems(objects(text))
    ]
    report.judged("policy", wrong)


def _kube_score(rendered: dict[Case, str], report: Report) -> None:
    """Run kube-score; each finding needs an exemption."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for case, text in rendered.items():
            manifest = Path(folder) / case.name
            manifest.write_text(text, encoding="utf-8")
            try:
                found += kube_score(manifest)
            except MissingToolError as error:
                report.not_run("kube-score", str(error))
                return
            except ToolError as error:
                report.failed("kube-score", [str(error)])
                return
    report.judged("kube-score", unexpected(found))


def _manifests(report: Report) -> None:
    """Check that deploy/manifests is up to date, and valid as kustomize builds it."""
    names = [str(path.relative_to(manifests.FOLDER)) for path in manifests.stale()]
    report.judged("deploy/manifests is up to date", [f"{name}: run `make manifests`" for name in names])
    for overlay in manifests.OVERLAYS:
        title = f"deploy/manifests/{overlay}: kustomize, schema of Kubernetes {KUBERNETES[-1]}"
        try:
            found = manifests.built(overlay)
        except MissingToolError as error:
            report.not_run(title, str(error))
        except ToolError as error:
            report.failed(title, [str(error)])
        else:
            report.judged(
                title, [problem for resource in found if (problem := core_problem(resource, KUBERNETES[-1]))]
            )


if __name__ == "__main__":
    sys.exit(main())
