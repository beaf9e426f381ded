"""Refusals that come from the directory."""

from doorward_client.errors import UnavailableError


class DirectoryUnavailableError(UnavailableError):
    """503: the users service does not answer, and who it is about is not known here."""

    code = "directory_unavailable"
    detail = "The directory of people does not answer right now. Nothing was changed; try again shortly."
