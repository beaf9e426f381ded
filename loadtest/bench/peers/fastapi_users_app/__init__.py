"""fastapi-users as its documentation sets it up: logins with JSON Web Tokens, and the own profile."""

from typing import Final

LOGIN: Final = "/auth/jwt/login"
PROFILE: Final = "/users/me"
