"""The audit log: security events, written in the transaction of the change that they describe."""
