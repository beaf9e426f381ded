"""Refusals of registration."""

from doorward_client.errors import DoorwardError


class RegistrationClosedError(DoorwardError):
    """403 where an administrator invites everybody."""

    status = 403
    code = "registration_closed"
    detail = "Nobody registers here: an administrator invites."


class DomainNotAllowedError(DoorwardError):
    """403 for an address of another domain: the rule is no secret, and says nothing of accounts."""

    status = 403
    code = "email_domain_not_allowed"
    detail = "Addresses of this domain may not register here."
