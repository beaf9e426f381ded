"""`doorward --env-file`: settings from a file, for a machine where no one exports variables."""

import os
from pathlib import Path

from dotenv.parser import parse_stream

from doorward_client.settings import SettingsError


def load_env_file(path: Path) -> None:
    """Add a file's variables to the environment, which keeps those it has; raises SettingsError.

    Values are literal: a `$` in a password stands for itself.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--env-file cannot be read: {path} ({error})") from None
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            raise SettingsError(f"{path}, line {binding.original.line}: not NAME=value")
        if binding.key is not None and binding.value is not None:
            os.environ.setdefault(binding.key, binding.value)
