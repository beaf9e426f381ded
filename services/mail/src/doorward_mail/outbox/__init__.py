"""The outbox: a mail is a row, from the change that it is about until it is sent or given up.

A rolled-back change sends no mail, and a committed one cannot lose its mail. The row is deleted once the
mail is sent, because the address is personal data and the log records the sending. The rest are mails under
way and dead letters, which administrators see (dead_letters).

| module | content |
|---|---|
| `mail` | `Mail` and `enqueue`, for services that send mail |
| `leases` | the worker's side: `OutboxDatabase` leases mails and records the result of each attempt |
| `table`, `migration` | the table, as code and for migration revisions |
"""
