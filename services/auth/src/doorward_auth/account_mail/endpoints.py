"""Endpoints about mail of auth that could not be sent."""

from doorward_auth.dependencies import dead_letters
from doorward_mail.dead_letters.endpoints import dead_letter_router

router = dead_letter_router("/api/v1/auth/mails", dead_letters)
