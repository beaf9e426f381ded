"""Mail of a service: a row in its outbox, written in the transaction of the change, and sent by a worker.

The way of a mail, a folder for each role:

1. `outbox`: `enqueue` writes a `Mail` in the caller's transaction; the worker leases its row.
2. `worker`: `MailSender` makes attempts (`MailDelivery`) and records their results.
3. `content`: `MailComposer` makes a `Message` of the row, with the service's templates.
4. `transport`: `SmtpTransport` sends the message, or `Mailbox` writes it to a folder.
5. `dead_letters`: mails that could not be sent, for administrators.
"""
