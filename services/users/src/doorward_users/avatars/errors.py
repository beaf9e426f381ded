"""Errors of pictures that are not about their files."""

from doorward_client.errors import NotFoundError


class AvatarNotFoundError(NotFoundError):
    """404 for a user without a picture."""

    code = "avatar_not_found"
    detail = "This user has no picture."
