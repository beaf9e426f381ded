"""The keys that sign for registered clients, kept up to date while the process serves.

They are a set of their own: their public halves are known to every client, so that they are asymmetric even
where Doorward's own services share a secret, and they rotate more slowly, because clients cache them.
"""

from collections.abc import Callable
from pathlib import Path

from doorward_auth.oidc_settings import oidc_key_problem, read_oidc_keys
from doorward_client.keys.key_store import KeySetWatcher, KeyStore
from doorward_client.metrics import NoVerificationMetrics
from doorward_kit.pem_keys import parse_key_set


class _ReloadFailures(NoVerificationMetrics):
    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure

    def key_set_failed(self) -> None:
        self._on_failure()


def open_oidc_keys(path: Path, *, on_failure: Callable[[], None]) -> tuple[KeyStore, KeySetWatcher]:
    """Return the keys of a file, and what keeps them up to date; raises InvalidKeySetError.

    `on_failure` is called when a later content of the file cannot be used.
    """
    keys = KeyStore(read_oidc_keys(path), problem=oidc_key_problem)
    return keys, KeySetWatcher(keys, path, _ReloadFailures(on_failure), parse_key_set)
