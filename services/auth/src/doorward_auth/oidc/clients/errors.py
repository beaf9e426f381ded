"""Errors of changes to registered clients."""

from collections.abc import Sequence

from doorward_client.errors import DoorwardError, FieldError, NotFoundError


class ClientNotFoundError(NotFoundError):
    """404 for an id of no client, or of no secret of this client."""

    code = "client_not_found"
    detail = "There is no such client, or it has no such secret."


class ClientIdTakenError(DoorwardError):
    """409: another client has this `client_id`."""

    status = 409
    code = "client_id_taken"
    detail = "Another client has this client_id."


class ClientIsManagedError(DoorwardError):
    """409: a list outside maintains the client, and would undo the change."""

    status = 409
    code = "client_is_managed"
    detail = "This client is maintained by a list, such as the chart's values. Change it there."


class TooManyClientsError(DoorwardError):
    """409 past the number of clients that an installation may have."""

    status = 409
    code = "too_many_clients"
    detail = "There are too many clients. Delete those that are not used."


class SecretLimitError(DoorwardError):
    """409: a client with secrets has one or two of them, a public client none."""

    status = 409
    code = "secret_limit"
    detail = (
        "A public client has no secret; another has one or two. Add the second before you delete the first."
    )


class InvalidClientMetadataError(DoorwardError):
    """422 for members that do not go together, or not with the kind (RFC 7591 section 3.2.2)."""

    status = 422
    code = "invalid_client_metadata"
    detail = "The members do not go together; `errors` says which."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__()
        self.errors = list(errors)
