"""Transports of messages: an SMTP server, or a folder for development.

| module | content |
|---|---|
| `base` | what the worker knows of a transport: its interface, `Message`, `DeliveryError` |
| `smtp` | the transport of production |
| `file_transport`, `dev_mailbox_page` | mails as files, and the pages that show them |
"""
