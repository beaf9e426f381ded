"""Changing one's email address, which its mailed code proves."""
