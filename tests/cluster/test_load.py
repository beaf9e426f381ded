"""Resource usage at rest, and the traffic of a team, judged by the thresholds of loadtest/."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from cluster.kube import SERVICES, Namespace, Release
from cluster.measured import Measured
from cluster.people import Person
from support.certificates import Certificate
from support.haproxy import HAProxy

LOADTEST = Path(__file__).parents[2] / "loadtest"
REPORT = Path(__file__).parents[2] / "reports" / "cluster-load.html"
AT_REST_MILLICORES: Final = 30.0
"""On a machine that others use, too."""


def test_pods_at_rest_use_little(release: Release, namespace: Namespace, measured: Measured) -> None:
    deadline = time.monotonic() + 120
    while any(cpu > AT_REST_MILLICORES for name, (cpu, _) in namespace.usage().items() if name in SERVICES):
        assert time.monotonic() < deadline, f"{release.name} does not come to rest: {namespace.usage()}"
        time.sleep(5)
    measured.note_usage("at rest", usage := namespace.usage())
    assert max(memory for name, (_, memory) in usage.items() if name in SERVICES) < 150


def test_the_traffic_of_a_team_stays_within_the_thresholds(
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
