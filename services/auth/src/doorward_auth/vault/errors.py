"""Why a value of the vault cannot be opened."""


class UnopenableError(Exception):
    """A stored value cannot be opened."""


class UnknownVaultKeyError(UnopenableError):
    """The value's key is not in this process's file. Another process may have it."""


class DamagedValueError(UnopenableError):
    """The value was altered, or belongs to another row, column or provider."""
