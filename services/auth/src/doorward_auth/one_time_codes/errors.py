"""Refusals of codes."""

from doorward_client.errors import DoorwardError


class InvalidCodeError(DoorwardError):
    """400 for every code that does not count: wrong, used, expired, guessed at too often, of nobody."""

    status = 400
    code = "invalid_code"
    detail = "The code is wrong, was used or has expired. Ask for a new one."
