"""The grant types of `POST /token` (RFC 6749 section 4), Doorward's own included."""

from typing import Final

PASSWORD: Final = "password"  # noqa: S105 - a grant type, not a secret
AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - a grant type, not a secret
CLIENT_CREDENTIALS: Final = "client_credentials"
EMAIL_CODE: Final = "urn:doorward:grant:email-code"
NEW_PASSWORD: Final = "urn:doorward:grant:new-password"  # noqa: S105 - a grant type, not a secret
