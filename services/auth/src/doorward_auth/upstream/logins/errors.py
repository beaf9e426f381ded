"""Errors of logging in and registering at an upstream."""

from doorward_client.errors import DoorwardError


class IdentifierRequiredError(DoorwardError):
    """422: the upstream logs in by the other one of `email` and `username`."""

    status = 422
    code = "identifier_required"
    detail = "This upstream logs in by the other one of `email` and `username`: send it, and no other."

    def __init__(self, member: str) -> None:
        super().__init__(f"This upstream logs in by `{member}`: send it, and no other.")


class RegistrationInProgressError(DoorwardError):
    """409: an earlier request with the same key has no result yet."""

    status = 409
    code = "registration_in_progress"
    detail = "An earlier request with this Idempotency-Key is still under way. Repeat it in a few seconds."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})
