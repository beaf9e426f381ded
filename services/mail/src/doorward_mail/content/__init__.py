"""The content of a mail: from a leased row to the message that a transport sends.

| module | content |
|---|---|
| `composer` | `MailComposer`: looks up the recipient, runs the template's hook, renders, builds the message |
| `templates` | `MailTemplate` and `MailTemplates`: the kinds of mail, and their files in every language |
| `quoting` | text of users in a mail |
| `message` | `MessageBuilder`: the RFC 5322 message |
"""
