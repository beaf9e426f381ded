"""What refreshing is compared with: Django REST framework with simplejwt, served by gunicorn."""

from typing import Final

REFRESH: Final = "/api/token/refresh"
