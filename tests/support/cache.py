"""Where programs that are downloaded once stay."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder, which may not exist yet."""
    return Path(os.environ.get("DOORWARD_TEST_CACHE") or Path.home() / ".cache" / "doorward")
