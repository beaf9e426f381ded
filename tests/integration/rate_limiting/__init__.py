"""Limits of guesses, mails and sources. A package, so that its servers stop after its last test."""
