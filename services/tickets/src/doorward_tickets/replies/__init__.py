"""Replies: a ticket with its thread, and new replies."""
