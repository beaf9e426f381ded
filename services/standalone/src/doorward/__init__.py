"""Every Doorward service in one process, and the administrator's commands."""
