"""Mail about tickets: recipients, timing, templates, subscriptions, dead letters."""
