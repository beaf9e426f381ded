"""doorward_client can be installed alone: it imports only its declared dependencies."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import doorward_client

ROOT = Path(doorward_client.__file__).parent
PROJECT = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
MODULES = {"python-jose": "jose", "prometheus-client": "prometheus_client"}
"""Import names that differ from the distribution's."""

OF_THE_REQUIRED = {"starlette": "fastapi", "pydantic_core": "pydantic"}
"""Packages whose version is chosen by the packages that depend on them."""

OPTIONAL = {"redis": {"revocations/redis_pubsub.py"}, "prometheus_client": {"prometheus.py"}}
"""Modules that need an extra, and that no other module imports at module level."""


def module_of(requirement: str) -> str:
    name = re.split(r"[\[<>=;\s]", requirement)[0]
    return MODULES.get(name, name.replace("-", "_"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_package_imports_only_its_declared_dependencies() -> None:
    required = {module_of(dependency) for dependency in PROJECT["dependencies"]}
    assert {module_of(one) for one in EXTRAS} == OPTIONAL.keys()
    used: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        for name in imports(path):
            used.setdefault(name.partition(".")[0], set()).add(path.relative_to(ROOT).as_posix())
    third_party = {name: files for name, files in used.items() if name not in sys.stdlib_module_names}
    del third_party["doorward_client"]
    for name, files in OPTIONAL.items():
        assert third_party.pop(name) == files
    for name, installed_by in OF_THE_REQUIRED.items():
        assert third_party.pop(name, set()), f"{name} need not be listed here"
        assert installed_by in required
    assert third_party.keys() == required


def test_minimum_versions_equal_those_of_the_oldest_lock() -> None:
    lock = (Path(__file__).parents[2] / "client_compatibility" / "oldest.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([0-9.]+)", lock, re.MULTILINE))
    for requirement in [*PROJECT["dependencies"], *EXTRAS]:
        name, floor = re.split(r"(?:\[.*\])?>=", requirement)
        assert pinned[name].startswith(floor), requirement
