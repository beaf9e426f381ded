"""Which addresses may become a user's by the user's own choice. Administrators get a warning instead."""

from typing import Final

from doorward_auth.settings import AuthSettings, RegistrationPolicy
from doorward_client.errors import DoorwardError


class RegistrationClosedError(DoorwardError):
    """403: only an administrator's invitation creates an account."""

    status = 403
    code = "registration_closed"
    detail = "Registration is closed. Ask an administrator for an invitation."


class DomainNotAllowedError(DoorwardError):
    """403 for an address of another domain, whether or not it has an account."""

    status = 403
    code = "email_domain_not_allowed"
    detail = "Addresses of this domain may not be used here."


class AddressPolicy:
    """`DOORWARD_REGISTRATION` and `DOORWARD_REGISTRATION_DOMAINS`."""

    def __init__(self, settings: AuthSettings) -> None:
        self._policy: Final = settings.registration
        self._is_outside_domains: Final = settings.is_outside_domains

    def require_open(self, email_key: str) -> None:
        """Reject an address that may not register; raises RegistrationClosedError, DomainNotAllowedError."""
        if self._policy is RegistrationPolicy.CLOSED:
            raise RegistrationClosedError
        self.require_domain(email_key)

    def require_open_to(self, proven_key: str | None) -> None:
        """Reject a user of whom an upstream has proven this address, or none; raises as `require_open`."""
        if self._policy is RegistrationPolicy.DOMAINS and proven_key is None:
            raise DomainNotAllowedError
        self.require_open(proven_key or "")

    def require_domain(self, email_key: str) -> None:
        """Reject an address that no user may choose; raises DomainNotAllowedError."""
        if self._policy is RegistrationPolicy.DOMAINS and self._is_outside_domains(email_key):
            raise DomainNotAllowedError
