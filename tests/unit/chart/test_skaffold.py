"""skaffold.yaml refers to existing images, folders, build stages and values."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SKAFFOLD: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
ARTIFACTS: dict[str, dict[str, Any]] = {one["image"]: one for one in SKAFFOLD["build"]["artifacts"]}
(RELEASE,) = SKAFFOLD["deploy"]["helm"]["releases"]
(E2E,) = SKAFFOLD["verify"]


def test_the_schema_version_is_supported() -> None:
    assert SKAFFOLD["apiVersion"] == "skaffold/v4beta14"


def test_the_artifacts_are_the_images_of_the_chart() -> None:
    rendered = (ROOT / "deploy/manifests/dev/doorward.yaml").read_text(encoding="utf-8")
    assert set(ARTIFACTS) - {E2E["container"]["image"]} == set(
        re.findall(r"image: (localhost/doorward/\w+)", rendered)
    )


@pytest.mark.parametrize("image", ARTIFACTS)
def test_each_image_can_be_built(image: str) -> None:
    artifact = ARTIFACTS[image]
    dockerfile = ROOT / artifact["context"] / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    for name, value in artifact.get("docker", {}).get("buildArgs", {}).items():
        assert image == f"localhost/doorward/{value}"
        assert f"ARG {name}" in text
        assert f" AS {value}\n" in text
    for needed in artifact.get("requires", []):
        assert needed["image"] in ARTIFACTS
        assert f"FROM ${{{needed['alias']}}}" in text


def test_the_chart_has_the_values() -> None:
    values = yaml.safe_load((ROOT / RELEASE["chartPath"] / "values.yaml").read_text(encoding="utf-8"))
    for path, template in (RELEASE["setValues"] | RELEASE["setValueTemplates"]).items():
        at = values
        for step in path.split("."):
            assert step in at
            at = at[step]
        known = {f"IMAGE_TAG_{image.replace('/', '_')}" for image in ARTIFACTS}
        assert set(re.findall(r"\.(IMAGE_\w+)", template)) <= known


def test_the_tag_changes_with_the_images_of_the_jobs() -> None:
    objects = yaml.safe_load_all((ROOT / "deploy/manifests/dev/doorward.yaml").read_text(encoding="utf-8"))
    pods = [found["spec"]["template"]["spec"] for found in objects if found["kind"] == "Job"]
    containers = [one for pod in pods for one in [*pod.get("initContainers", []), *pod["containers"]]]
    run = {
        name
        for container in containers
        for name in re.findall(r"^(localhost/doorward/\w+)", container["image"])
    }
    template = RELEASE["setValueTemplates"]["image.tag"]
    names = re.findall(r"IMAGE_TAG_(\w+)", template)
    assert set(names) == {image.replace("/", "_") for image in run}
    assert template.count("%.12s") == len(names)


def test_the_job_of_the_tests_satisfies_skaffold_and_pod_security() -> None:
    job = yaml.safe_load(
        (ROOT / E2E["executionMode"]["kubernetesCluster"]["jobManifestPath"]).read_text(encoding="utf-8")
    )
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["metadata"]["labels"]  # Skaffold adds a label, and fails without an existing one
    assert job["metadata"]["namespace"] == RELEASE["namespace"]
    assert container["name"] == E2E["container"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_tests_read_the_variables_of_their_job() -> None:
    job = (ROOT / "deploy/skaffold/e2e.yaml").read_text(encoding="utf-8")
    source = (ROOT / "tests/e2e/__main__.py").read_text(encoding="utf-8")
    names = re.findall(r"- name: ([A-Z_]+)", job)
    assert names == ["BASE_URL", "ADMIN_EMAIL", "ADMIN_PASSWORD"]
    assert all(f'"{name}"' in source for name in names)
