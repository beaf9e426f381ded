"""Mail of a service: a row in its outbox, written in the transaction of the change, and sent by a worker.

1. `outbox`: `enqueue` writes a `Mail` in the caller's transaction.
2. `outbox_session`, `outbox_queries`: the worker leases, finishes and reschedules rows.
3. `templates`, `message`: a `MailTemplate` renders `MailContent`, of which `MessageBuilder` makes a message.
4. `transport`: `smtp` sends a message, `file_transport` writes it to a folder instead.
5. `sender`: `MailSender` is the worker; `delivery_attempt` is one attempt to deliver one mail.
"""
