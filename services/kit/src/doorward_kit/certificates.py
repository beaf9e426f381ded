"""Settings that name a file of certificate authorities."""

import ssl
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator

P = TypeVar("P", str, Path)


def _usable_authorities(path: P) -> P:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"names a file without usable certificates: {path} ({error})") from None
    return path


CaFile = Annotated[str, AfterValidator(_usable_authorities)]
CaPath = Annotated[Path, AfterValidator(_usable_authorities)]
