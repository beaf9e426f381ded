"""`python -m bench.rival COUNT`: make its tables and so many users; print a refresh token of each."""
# mypy: disable-error-code=import-untyped
# Django ships no types.

import os
import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command


def main(count: int) -> None:
    """Print one token a line."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.rival.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    # Only now: its classes ask the settings whether the list of refused tokens is installed.
    from rest_framework_simplejwt.tokens import RefreshToken  # noqa: PLC0415 - see above

    for number in range(count):
        user = get_user_model().objects.create_user(f"person-{number:06}")
        print(RefreshToken.for_user(user))


if __name__ == "__main__":
    main(int(sys.argv[1]))
