"""Build the list of common passwords that is shipped (see its data/README.md).

`python services/identity/tools/build_common_passwords.py` writes it, `--check` fails when it differs. The
words come from two installed packages, zxcvbn and Django; the same versions give the same bytes.
"""
# ruff: noqa: INP001 - a script, and no part of the package

import gzip
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Final

from doorward_identity.passwords.blocklist import digest, spellings
from doorward_identity.passwords.normalization import MINIMUM_LENGTH

TARGET: Final = Path(__file__).parent.parent / "src/doorward_identity/passwords/data/common_passwords.bin"


def build() -> bytes:
    """Return the file: digests in ascending order, without anything between them."""
    return b"".join(sorted({digest(entry) for entry in entries(leaked_passwords(), words())}))


def entries(leaked: Iterable[str], plain: Iterable[str]) -> set[str]:
    """Return what has to be listed, folded, so that each of these passwords is found.

    A leaked password that is too short to be chosen is listed all the same if something may be added to it.
    What another entry finds already is left out.
    """
    folded = [next(spellings(entry)) for entry in leaked]
    wanted = {entry for entry in folded if len(entry) >= MINIMUM_LENGTH or _can_have_a_tail(entry)}
    wanted |= {word for word in map(next, map(spellings, plain)) if len(word) >= MINIMUM_LENGTH}
    listed: set[str] = set()
    for entry in sorted(wanted, key=lambda entry: (len(entry), entry)):
        if listed.isdisjoint(spellings(entry)):
            listed.add(entry)
    return listed


def leaked_passwords() -> list[str]:
    """Return passwords from leaks, each source's most frequent first."""
    django = files("django.contrib.auth").joinpath("common-passwords.txt.gz")
    lines = gzip.decompress(django.read_bytes()).decode("utf-8").splitlines()
    return [*_frequency_lists()["passwords"], *(line.strip() for line in lines)]


def words() -> list[str]:
    """Return words and names. zxcvbn keeps a password that is one only here, if it ranks higher here."""
    return [word for name, ranked in _frequency_lists().items() if name != "passwords" for word in ranked]


def _frequency_lists() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS
    return lists


def _can_have_a_tail(entry: str) -> bool:
    return entry in [*spellings(entry + "1")][1:]


def main() -> int:
    """Write or check the file."""
    built = build()
    if "--check" in sys.argv[1:]:
        return int(TARGET.read_bytes() != built)
    TARGET.write_bytes(built)
    return 0


if __name__ == "__main__":
    sys.exit(main())
