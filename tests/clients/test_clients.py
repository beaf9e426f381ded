"""OAuth and JOSE libraries of three languages work with a real server. `make clients-test` runs this."""

import shutil
from pathlib import Path

import pytest

from clients.conftest import FOLDER, Programs, execute

PYTHON_PROGRAMS = sorted(path.name for path in (FOLDER / "python").glob("use_*.py"))
NODE_PROGRAMS = sorted(path.name for path in (FOLDER / "node").glob("use_*.js"))


def needs(program: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed (Debian: {package})"
    )


@pytest.mark.parametrize("program", PYTHON_PROGRAMS)
def test_python(programs: Programs, python: Path, program: str) -> None:
    programs.run(python, program, cwd=FOLDER / "python")


@needs("npm", "npm")
@pytest.mark.parametrize("program", NODE_PROGRAMS)
def test_node(programs: Programs, node: Path, program: str) -> None:
    programs.run("node", program, cwd=node)


@needs("go", "golang")
def test_go(programs: Programs, tmp_path: Path) -> None:
    binary = tmp_path / "clients"
    execute("go", "build", "-o", binary, ".", cwd=FOLDER / "go")
    programs.run(binary, cwd=tmp_path)
