"""The programs that the checks run, and what is said when one is missing."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_ENVIRONMENT: Final = ROOT / ".venv"
_SECONDS: Final = 300


@dataclass(frozen=True)
class Tool:
    """A program, the variable that names another one instead, and how it is had."""

    name: str
    variable: str
    hint: str


HELM: Final = Tool("helm", "HELM", "Helm 4, or 3: https://helm.sh/docs/intro/install/")
GO: Final = Tool("go", "GO", "https://go.dev/doc/install")
KUBE_LINTER: Final = Tool("kube-linter", "KUBE_LINTER", "`make chart-tools`, with Go installed")
KUBE_SCORE: Final = Tool("kube-score", "KUBE_SCORE", "`make chart-tools`, with Go installed")
CHECKOV: Final = Tool("checkov", "CHECKOV", "`make chart-tools`")
KUBECTL: Final = Tool("kubectl", "KUBECTL", "https://kubernetes.io/docs/tasks/tools/")
KUSTOMIZE: Final = Tool("kustomize", "KUSTOMIZE", "kubectl, or `make chart-tools`, with Go installed")


class MissingToolError(Exception):
    """A program is not on this machine: its check did not run."""


class ToolError(Exception):
    """A program ended in a way that says nothing about the chart, or refused the chart."""


def find(tool: Tool) -> str:
    """Return the program: named by its variable, of this project's environment, or on PATH."""
    if named := os.environ.get(tool.variable):
        return named
    folders = [str(_ENVIRONMENT / "bin"), str(_ENVIRONMENT / "checkov" / "bin"), os.environ.get("PATH", "")]
    found = shutil.which(tool.name, path=os.pathsep.join(folders))
    if found is None:
        raise MissingToolError(f"{tool.name} is not here ({tool.hint}; or name it with {tool.variable}=)")
    return found


def run(tool: Tool, arguments: Sequence[str | Path], *, accepted: Sequence[int] = (0,)) -> str:
    """Run a program and return what it printed; raises ToolError for any other exit status."""
    try:
        done = subprocess.run(
            [find(tool), *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise MissingToolError(f"{tool.variable}={os.environ.get(tool.variable)} is no program") from None
    if done.returncode not in accepted:
        said = (done.stderr + done.stdout).strip()
        raise ToolError(f"{tool.name} ended with {done.returncode}: {said}")
    return done.stdout
