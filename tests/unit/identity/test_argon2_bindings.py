"""Which build of Argon2 a process hashes with, and that it is one that gives the same digests."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from argon2 import low_level

from doorward_identity.passwords import argon2_bindings
from doorward_identity.passwords.argon2_bindings import KNOWN_DIGEST, known_digest, supports_v3

MODULE: Final = "doorward_identity.passwords.argon2_bindings"
HAS_V3: Final = supports_v3(Path("/proc/cpuinfo"))
FASTER: Final = "x86-64-v3" if HAS_V3 else "baseline"
FLAGS: Final = " ".join(sorted(argon2_bindings._FLAGS))

REPORT: Final = f"""
import {MODULE} as chosen, _argon2_cffi_bindings._ffi as loaded
print(chosen.BUILD, loaded.__file__, chosen.PasswordHasher(1, 64, 1).verify(HASH, "password"), sep="|")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the bindings, whose second build is the first one under the other name."""
    installed = find_spec("_argon2_cffi_bindings")
    assert installed is not None
    assert installed.origin is not None
    package = tmp_path / "_argon2_cffi_bindings"
    shutil.copytree(Path(installed.origin).parent, package)
    [baseline] = package.glob("_ffi.*.so")
    shutil.copy(baseline, package / "_ffi.x86-64-v3.so")
    return package


def report(package: Path, before: str = "") -> list[str]:
    """Return what a new process chooses; warnings are in its output, too."""
    digest = "cpx6VEQbwTVZvcpxNIxOVUWZ5xnAipUmAe1cg2GMG70"
    stored = f"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ${digest}"
    script = f"{before}\nHASH = {stored!r}\n{REPORT}"
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return [done.stdout, *done.stdout.splitlines()[-1].split("|")]


@pytest.mark.skipif(platform.system() != "Linux", reason="the second build is of the images")
def test_the_faster_build_is_used_where_the_processor_has_what_it_needs(package: Path) -> None:
    _, build, file, verified = report(package)
    assert build == FASTER
    assert Path(file).name.startswith("_ffi.x86-64-v3" if HAS_V3 else "_ffi.")
    assert verified == "True"


def test_without_the_faster_build_the_wheel_is_used(package: Path) -> None:
    (package / "_ffi.x86-64-v3.so").unlink()
    assert report(package)[1] == "baseline"


def test_a_build_that_cannot_be_loaded_is_left_out(package: Path) -> None:
    (package / "_ffi.x86-64-v3.so").write_bytes(b"\x7fELF")
    output, build, _, verified = report(package)
    assert (build, verified) == ("baseline", "True")
    assert ("argon2.build_unusable" in output) is HAS_V3


def test_a_build_with_another_digest_is_left_out(package: Path) -> None:
    library = package / "_ffi.x86-64-v3.so"
    # The first word of BLAKE2b's initial state, in the code and in its table.
    code = library.read_bytes()
    word = (0x6A09E667F3BCC908).to_bytes(8, "little")
    assert word in code
    library.write_bytes(code.replace(word, bytes(8)))
    output, build, _, verified = report(package)
    assert (build, verified) == ("baseline", "True")
    assert ("another digest" in output) is HAS_V3


def test_what_was_imported_before_is_not_replaced(package: Path) -> None:
    _, build, file, _ = report(package, before="import argon2")
    assert build == "baseline"
    assert "x86-64-v3" not in file


def test_this_process_computes_the_known_digest() -> None:
    assert known_digest(low_level) == KNOWN_DIGEST


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the levels are those of x86-64")
@pytest.mark.parametrize(
    ("content", "supported"),
    [
        (f"flags\t: {FLAGS} more\n", True),
        (f"flags\t: {FLAGS}\nflags\t: {FLAGS.replace('avx2', '')}\n", False),
        (f"flags\t: {FLAGS.replace('bmi2', 'bmi')}\n", False),
        ("model name\t: something\n", False),
        ("", False),
    ],
)
def test_every_processor_must_have_every_flag(tmp_path: Path, content: str, supported: bool) -> None:  # noqa: FBT001
    file = tmp_path / "cpuinfo"
    file.write_text(content)
    assert supports_v3(file) is supported
    assert not supports_v3(tmp_path / "missing")
