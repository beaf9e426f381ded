"""The baseline for refreshes: Django REST framework with simplejwt, served by gunicorn."""

from typing import Final

REFRESH: Final = "/api/token/refresh"
SETTINGS: Final = "bench.drf_baseline.settings"
