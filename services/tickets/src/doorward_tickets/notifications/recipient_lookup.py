"""Where mail about tickets goes: asked of auth just before it is sent, and kept nowhere here."""

import uuid
from dataclasses import replace

from doorward_mail.outbox_queries import LeasedMail
from doorward_tickets.user_snapshots.auth_client import Accounts


class RecipientLookup:
    """Finds the address of the person whom a mail is for, as it is now."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def find(self, mail: LeasedMail) -> LeasedMail | None:
        """Return a mail with its recipient, their name and role; nobody who is deleted or disabled gets one.

        Raises AccountsUnavailableError.
        """
        user_id = uuid.UUID(hex=mail.parameters["user_id"])
        account = (await self._accounts.find([user_id])).get(user_id)
        if account is None or not account.is_active:
            return None
        told = {"name": account.name, "role": account.role}
        return replace(mail, recipient=account.email, parameters={**mail.parameters, **told})
