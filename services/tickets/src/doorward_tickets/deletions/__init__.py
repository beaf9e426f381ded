"""Deletion of tickets: by administrators, after the retention period, and of what a ticket leaves behind."""
