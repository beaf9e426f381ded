"""Runs external programs."""

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
    """A program, the variable that overrides its path, and how to install it."""

    name: str
    variable: str
    hint: str


HELM: Final = Tool("helm", "HELM", "Helm 4, or 3: https://helm.sh/docs/intro/install/")
GO: Final = Tool("go", "GO", "https://go.dev/doc/install")
KUBE_SCORE: Final = Tool("kube-score", "KUBE_SCORE", "`make chart-tools`, with Go installed")
KUBECTL: Final = Tool("kubectl", "KUBECTL", "https://kubernetes.io/docs/tasks/tools/")
KUSTOMIZE: Final = Tool("kustomize", "KUSTOMIZE", "kubectl, or `make chart-tools`, with Go installed")


class MissingToolError(Exception):
    """A program is not installed: its check did not run."""


class ToolError(Exception):
    """A program failed, or rejected the chart."""


def find(tool: Tool) -> str:
    """Return the path of a program: from its variable, .venv/bin or PATH. Raises MissingToolError."""
    if named := os.environ.get(tool.variable):
        return named
    folders = [str(_ENVIRONMENT / "bin"), os.environ.get("PATH", "")]
    found = shutil.which(tool.name, path=os.pathsep.join(folders))
    if found is None:
        raise MissingToolError(f"{tool.name} is not installed ({tool.hint}; or set {tool.variable}=)")
    return found


def run(tool: Tool, arguments: Sequence[str | Path], *, accepted: Sequence[int] = (0,)) -> str:
    """Run a program and return its output; raises ToolError for an exit status that is not accepted."""
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
        raise MissingToolError(f"{tool.variable}={os.environ.get(tool.variable)} is not a program") from None
    if done.returncode not in accepted:
        said = (done.stderr + done.stdout).strip()
        raise ToolError(f"{tool.name} exited with {done.returncode}: {said}")
    return done.stdout
