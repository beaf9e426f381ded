"""Mail: written in the transaction of the change, sent by a worker, lost or sent too early by nobody.

A service has a table (outbox.outbox_table), puts mails into it (outbox.enqueue), describes its
templates (templates.MailTemplate) and runs a worker (worker.MailWorker) beside its requests.
"""
