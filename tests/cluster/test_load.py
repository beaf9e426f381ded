"""A team's traffic through the load balancer, judged by the thresholds of loadtest/."""

import os
import subprocess
import sys
from pathlib import Path

from cluster.kube import Release
from cluster.people import Person
from support.certificates import Certificate
from support.haproxy import HAProxy

LOADTEST = Path(__file__).parents[2] / "loadtest"
REPORT = Path(__file__).parents[2] / "reports" / "cluster-load.html"


def test_a_team_at_work_stays_within_the_thresholds(
    release: Release, edge: HAProxy, certificate: Certificate, admin: Person
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "load"],
        env={
            **os.environ,
            "PYTHONPATH": str(LOADTEST),
            "BASE_URL": edge.tls_url,
            "CA_FILE": str(certificate.authority),
            "ADMIN_EMAIL": admin.email,
            "ADMIN_PASSWORD": admin.password,
            "USERS": "20",
            "RUN_TIME": "40",
            "REPORT": str(REPORT),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{release.name}: {done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert REPORT.stat().st_size > 10_000
