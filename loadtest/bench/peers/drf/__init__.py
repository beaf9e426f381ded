"""Django REST framework with simplejwt: logins, refreshes, profiles and a list of users."""

from typing import Final

LOGIN: Final = "/api/token"
REFRESH: Final = "/api/token/refresh"
PROFILE: Final = "/api/users/me"
CLAIMS: Final = "/api/claims"
USERS: Final = "/api/users"
SETTINGS: Final = "bench.peers.drf.settings"
