"""`python -m bench.drf_baseline COUNT`: create tables and users; print a refresh token for each user."""
# mypy: disable-error-code=import-untyped
# Django ships no types.

import os
import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

from bench.drf_baseline import SETTINGS


def main(count: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    django.setup()
    call_command("migrate", verbosity=0)
    # Imported after setup, because its classes read the settings for the token blacklist.
    from rest_framework_simplejwt.tokens import RefreshToken  # noqa: PLC0415

    for number in range(count):
        user = get_user_model().objects.create_user(f"person-{number:06}")
        print(RefreshToken.for_user(user))


if __name__ == "__main__":
    main(int(sys.argv[1]))
