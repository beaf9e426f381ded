"""The identity schema that auth and users share, and the invariants of the accounts in it."""
