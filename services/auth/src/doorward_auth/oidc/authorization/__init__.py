"""The authorization endpoint (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2).

Its state is the URL: a page gets the request's query, unchanged but for the sealed parameter `interaction`,
and sends the browser back to it. So nothing is stored for a request that is not answered yet. No page
expires, and tabs do not know of each other.

| module | what it does |
|---|---|
| `query` | reads a query or a form, byte for byte |
| `request` | what a request asks for, or why it is rejected: a pure function of query and client |
| `interaction` | what the user has done for this request since it first came, sealed |
| `decision` | the answer, or the page that comes before it: a pure function of all of these |
| `context` | reads what the decision needs |
| `service` | answers a request, and issues the code |
| `page_steps` | what the pages do for a request: describe, allow, deny, choose the account |
"""
