"""Endpoints about mail of auth that could not be sent."""

from doorward_auth.account_mail.dead_letters import AccountDeadLetterService
from doorward_kit.dependencies import provide
from doorward_mail.dead_letters.endpoints import dead_letter_router

router = dead_letter_router("/api/v1/auth", provide(AccountDeadLetterService), noun="Account")
