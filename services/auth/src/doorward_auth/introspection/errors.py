"""Refusals of the OAuth2 endpoints for services."""

from doorward_client.errors import DoorwardError


class InvalidRequestError(DoorwardError):
    """400 for a form without the one field that it is about (RFC 6749 section 5.2)."""

    status = 400
    code = "invalid_request"
    detail = "Send a form with the field `token`, once."
    oauth_error = "invalid_request"
