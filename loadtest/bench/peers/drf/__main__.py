"""`python -m bench.peers.drf COUNT WITH_PASSWORD PASSWORD`: create tables and users."""
# mypy: disable-error-code="import-untyped,import-not-found"
# Django ships no types, and REST framework is in an environment of its own.

import os
import sys

import django
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command

from bench.peers.drf import SETTINGS
from bench.peers.people import email_of, names_of


def main(count: int, with_password: int, password: str) -> None:
    """The first users have the password, whose hash is computed once."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    django.setup()
    call_command("migrate", verbosity=0)
    user = get_user_model()
    usable, unusable = make_password(password), make_password(None)
    users = [
        user(
            username=email_of(number),
            email=email_of(number),
            first_name=names_of(number)[0],
            last_name=names_of(number)[1],
            password=usable if number < with_password else unusable,
        )
        for number in range(count)
    ]
    user.objects.bulk_create(users, batch_size=1_000)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
