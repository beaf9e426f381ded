"""skaffold.yaml names what there is: images of the chart, folders, stages, templates of its own images."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SKAFFOLD: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
ARTIFACTS: dict[str, dict[str, Any]] = {one["image"]: one for one in SKAFFOLD["build"]["artifacts"]}
(RELEASE,) = SKAFFOLD["deploy"]["helm"]["releases"]
(WALK,) = SKAFFOLD["verify"]


def test_it_is_of_the_version_that_it_says() -> None:
    assert SKAFFOLD["apiVersion"] == "skaffold/v4beta14"


def test_the_images_are_the_charts() -> None:
    rendered = (ROOT / "deploy/manifests/dev/doorward.yaml").read_text(encoding="utf-8")
    assert set(ARTIFACTS) - {WALK["container"]["image"]} == set(
        re.findall(r"image: (doorward/\w+)", rendered)
    )


@pytest.mark.parametrize("image", ARTIFACTS)
def test_each_image_can_be_built(image: str) -> None:
    artifact = ARTIFACTS[image]
    dockerfile = ROOT / artifact["context"] / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    for name, value in artifact.get("docker", {}).get("buildArgs", {}).items():
        assert image == f"doorward/{value}"
        assert f"ARG {name}" in text
        assert f" AS {value}\n" in text
    for needed in artifact.get("requires", []):
        assert needed["image"] in ARTIFACTS
        assert f"FROM ${{{needed['alias']}}}" in text


def test_the_chart_is_there_and_takes_the_values() -> None:
    values = yaml.safe_load((ROOT / RELEASE["chartPath"] / "values.yaml").read_text(encoding="utf-8"))
    for path, template in RELEASE["setValueTemplates"].items():
        at = values
        for step in path.split("."):
            assert step in at
            at = at[step]
        known = {f"IMAGE_TAG_{image.replace('/', '_')}" for image in ARTIFACTS}
        assert set(re.findall(r"\.(IMAGE_\w+)", template)) <= known


def test_the_tag_changes_with_every_image_that_a_job_runs() -> None:
    objects = yaml.safe_load_all((ROOT / "deploy/manifests/dev/doorward.yaml").read_text(encoding="utf-8"))
    pods = [found["spec"]["template"]["spec"] for found in objects if found["kind"] == "Job"]
    containers = [one for pod in pods for one in [*pod.get("initContainers", []), *pod["containers"]]]
    run = {name for one in containers for name in re.findall(r"^(doorward/\w+)", one["image"])}
    template = RELEASE["setValueTemplates"]["image.tag"]
    names = re.findall(r"IMAGE_TAG_(\w+)", template)
    assert set(names) == {image.replace("/", "_") for image in run}
    assert template.count("%.12s") == len(names)


def test_the_walk_has_a_job_that_skaffold_and_pod_security_take() -> None:
    job = yaml.safe_load(
        (ROOT / WALK["executionMode"]["kubernetesCluster"]["jobManifestPath"]).read_text(encoding="utf-8")
    )
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["metadata"]["labels"]  # Skaffold adds one of its own, and ends where there are none
    assert job["metadata"]["namespace"] == RELEASE["namespace"]
    assert container["name"] == WALK["container"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_walk_reads_the_variables_that_the_job_sets() -> None:
    job = (ROOT / "deploy/skaffold/walk.yaml").read_text(encoding="utf-8")
    source = (ROOT / "tests/e2e/__main__.py").read_text(encoding="utf-8")
    names = re.findall(r"- name: ([A-Z_]+)", job)
    assert names == ["BASE_URL", "ADMIN_EMAIL", "ADMIN_PASSWORD"]
    assert all(f'"{name}"' in source for name in names)
