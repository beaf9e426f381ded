"""The questions of an authorization request: with which account, and whether the application may."""
