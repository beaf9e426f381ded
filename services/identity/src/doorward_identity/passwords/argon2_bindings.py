"""Argon2 from the build that the processor can run: the images have argon2-cffi-bindings twice (ADR 63).

The wheel is built for any x86-64. The same source, built for x86-64-v3 (AVX2), takes half the time for the
same digests. Import `argon2` from here alone: the choice is made before it is imported the first time.
"""

import importlib.util
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

BASELINE: Final = "baseline"
X86_64_V3: Final = "x86-64-v3"

KNOWN_DIGEST: Final = bytes.fromhex("729c7a54441bc13559bdca71348c4e554599e719c08a952601ed5c83618c1bbd")

_PACKAGE: Final = "_argon2_cffi_bindings"
_MODULE: Final = f"{_PACKAGE}._ffi"
_FILE: Final = f"_ffi.{X86_64_V3}.so"
_CPU_INFO: Final = Path("/proc/cpuinfo")

# What the x86-64 psABI names for the levels 2 and 3, as Linux calls it: the compiler may use any of it.
_FLAGS: Final = frozenset(
    {
        *("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"),
        *("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"),
    }
)


def _choose() -> str:
    """Load the faster build if it is there and the processor can run it; return which build is used."""
    if _MODULE in sys.modules:
        return BASELINE  # other code has imported it before
    file = _faster_build()
    if file is None or not supports_v3(_CPU_INFO):
        return BASELINE
    try:
        faster = _load(file)
    except (ImportError, OSError) as error:
        log.warning("argon2.build_unusable", file=str(file), error=str(error))
        return BASELINE
    if known_digest(faster) != KNOWN_DIGEST:
        sys.modules.pop(_MODULE, None)  # where the import of an extension puts it by itself
        log.warning("argon2.build_unusable", file=str(file), error="another digest")
        return BASELINE
    sys.modules[_MODULE] = faster
    return X86_64_V3


def _faster_build() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return next((file for folder in folders if (file := Path(folder) / _FILE).is_file()), None)


def supports_v3(cpu_info: Path) -> bool:
    """Tell whether every processor that Linux lists has what x86-64-v3 requires."""
    if platform.machine() != "x86_64":
        return False
    try:
        lines = cpu_info.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # another system
        return False
    flags = [set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")]
    return bool(flags) and all(flag >= _FLAGS for flag in flags)


def known_digest(bindings: Any) -> bytes:
    """Return the Argon2id digest of a known text: microseconds, lest every login fails."""
    digest = bindings.ffi.new("uint8_t[]", len(KNOWN_DIGEST))
    secret, salt = b"password", b"somesalt"
    costs = 1, 64, 1  # passes, KiB, lanes
    texts = secret, len(secret), salt, len(salt), digest, len(KNOWN_DIGEST)
    encoded = bindings.ffi.NULL, 0
    bindings.lib.argon2_hash(
        *costs, *texts, *encoded, bindings.lib.Argon2_id, bindings.lib.ARGON2_VERSION_NUMBER
    )
    return bytes(bindings.ffi.buffer(digest))


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD: Final = _choose()
"""The build that this process uses: BASELINE or X86_64_V3."""

from argon2 import PasswordHasher, Type  # noqa: E402 - after the choice
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError  # noqa: E402
from argon2.low_level import verify_secret  # noqa: E402

__all__ = [
    "BASELINE",
    "BUILD",
    "X86_64_V3",
    "InvalidHashError",
    "PasswordHasher",
    "Type",
    "VerificationError",
    "VerifyMismatchError",
    "verify_secret",
]
