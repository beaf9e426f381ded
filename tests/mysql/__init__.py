"""MySQL alone: how it authenticates, and how it is backed up (install.sh installs it)."""
