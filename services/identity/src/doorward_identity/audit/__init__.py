"""The audit log: security events, each written in the transaction that it describes."""
