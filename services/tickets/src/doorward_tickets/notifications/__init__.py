"""Mail about tickets: whom it goes to and when, what it says, and muting a ticket."""
