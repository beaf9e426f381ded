"""The mail worker, in the process that serves requests.

| module | content |
|---|---|
| `sender` | `MailSender`: polls the outbox and sends several mails at once |
| `delivery_attempt` | `MailDelivery`: one attempt to deliver one mail, and what becomes of it |
| `metrics` | metrics of an outbox and its worker |
"""
