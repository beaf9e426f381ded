"""Errors of the storage of pictures."""

from doorward_client.errors import UnavailableError


class StorageUnavailableError(UnavailableError):
    """503: the storage of pictures does not answer."""

    code = "storage_unavailable"
    detail = "The storage of pictures is temporarily unavailable. Try again shortly."
