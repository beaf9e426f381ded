"""The token endpoint for registered clients (RFC 6749 sections 4.1.3, 6).

| module | what it does |
|---|---|
| `code_exchange` | when an authorization code is valid, and the session that it opens |
| `refresh` | when a client's refresh token is valid |
| `issuing` | the tokens of a client's session |
"""
