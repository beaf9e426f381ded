"""A captcha by a third-party provider, for registration, resets and logins after failures; off by default."""
