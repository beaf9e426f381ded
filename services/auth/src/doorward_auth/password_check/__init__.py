"""Password verification with rate limiting, shared by sign-in, step-up, password change and email change.

`compare` computes the hash outside of a transaction; `conclude` counts the attempt inside the transaction
of what the password is for, and only then hands the account out. So no caller can forget the limit.
"""
