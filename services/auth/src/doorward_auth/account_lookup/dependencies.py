"""The service that endpoints of the account look-up depend on."""

from typing import Annotated

from doorward_auth.account_lookup.service import AccountLookup
from doorward_kit.dependencies import provide

Accounts = Annotated[AccountLookup, provide(AccountLookup)]
