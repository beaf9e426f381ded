"""The plain manifests, by the commands of deploy/manifests/README.md."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chart.tools import ROOT
from cluster.kube import Namespace, kubectl

SERVICES = ("auth", "users", "tickets")


@pytest.fixture
def applied(namespace: Namespace, tmp_path: Path, tag: str) -> Iterator[Namespace]:
    """Apply the overlay for development, with the images that are in the cluster, twice."""
    own = Namespace(f"{namespace.name}-plain")
    folder = tmp_path / "manifests"
    shutil.copytree(ROOT / "deploy" / "manifests", folder, ignore=shutil.ignore_patterns("secrets"))
    subprocess.run(["sh", folder / "make-secrets", "dev"], check=True, capture_output=True, timeout=60)
    images = [{"name": f"doorward/{name}", "newTag": tag} for name in (*SERVICES, "standalone")]
    kustomization = {"resources": ["dev"], "namespace": own.name, "images": images}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    for _ in range(2):
        kubectl("apply", "--kustomize", str(folder))
    yield own
    own.delete()


def test_they_make_a_working_installation_and_may_be_applied_again(applied: Namespace) -> None:
    applied.rolled_out("statefulset/doorward-mariadb", *(f"doorward-{name}" for name in SERVICES))
    applied.kubectl(
        "wait",
        "job",
        "--selector=app.kubernetes.io/component=create-admin",
        "--for=condition=Complete",
        "--timeout=120s",
    )
    (container,) = applied.objects("pods", "app.kubernetes.io/component=users")[0]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
