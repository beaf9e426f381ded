"""Every place that lists the services lists those that exist: the folders with a `__main__.py`.

Where a list can be derived from the folders, it is (Makefile, workspace). These cannot be.
"""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from doorward.app import PREFIXES

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = {path.parts[-4] for path in ROOT.glob("services/*/src/doorward_*/__main__.py")}
"""The services that are processes of their own."""

IMAGES: Final = SERVICES | {"standalone"}
PACKAGES: Final = {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}
CHART: Final = ROOT / "charts" / "doorward"


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def yaml_of(path: str) -> Any:
    return yaml.safe_load(text_of(path))


def test_the_services_are_those_that_this_test_knows() -> None:
    """Otherwise the patterns above would find none, and every comparison would hold."""
    assert {"auth", "users", "tickets"} == SERVICES


def test_the_one_process_serves_each() -> None:
    assert {prefix.removeprefix("/api/v1/") for prefix in PREFIXES} == SERVICES


def test_the_chart_has_values_and_a_path_for_each() -> None:
    values = yaml_of("charts/doorward/values.yaml")
    assert {
        name for name, value in values.items() if isinstance(value, dict) and "replicaCount" in value
    } == SERVICES
    helpers = text_of("charts/doorward/templates/_helpers.tpl")
    assert set(re.findall(r'"path" "/api/v1/\w+" "type" "Prefix" "service" "(\w+)"', helpers)) == SERVICES
    for account in ("grants.sql", "grants-tickets.sql"):
        assert (CHART / "files" / account).exists()


def test_no_other_template_of_the_chart_lists_them() -> None:
    """But the accounts of the database, each with a password of its own."""
    listed = {
        str(path.relative_to(CHART / "templates"))
        for path in (CHART / "templates").rglob("*.*")
        if re.search(r'auth"?,? "?users"?,? "?tickets', path.read_text(encoding="utf-8"))
    }
    assert listed == {"secrets.yaml"}


def test_the_dockerfile_has_a_stage_and_packages_for_each_image() -> None:
    dockerfile = text_of("services/Dockerfile")
    stages = set(re.findall(r"^FROM coded AS (\w+)$", dockerfile, re.MULTILINE))
    assert stages == IMAGES
    cases = dict(re.findall(r'^ {8}([\w|]+)\) packages="([^"]*)"', dockerfile, re.MULTILINE))
    assert {name for names in cases for name in names.split("|")} == IMAGES
    assert set(cases["standalone"].split()) == PACKAGES


def test_skaffold_builds_each_image() -> None:
    artifacts = yaml_of("skaffold.yaml")["build"]["artifacts"]
    built = {
        artifact["docker"]["buildArgs"]["SERVICE"]
        for artifact in artifacts
        if artifact["context"] == "services"
    }
    assert built == IMAGES


def test_compose_runs_and_routes_each() -> None:
    services = yaml_of("deploy/compose/compose.yaml")["services"]
    assert set(services) >= SERVICES
    nginx = text_of("deploy/compose/nginx.conf.template")
    assert set(re.findall(r"^ *upstream (\w+) \{", nginx, re.MULTILINE)) == SERVICES


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_types_of_each_package_are_checked(package: str) -> None:
    assert f"services/{package}/src:" in text_of(".mypy.ini")
