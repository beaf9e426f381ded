"""Events for signed-in clients, as Server-Sent Events (docs/events.md, ADR 34).

A stream belongs to one access token. Its events are notices: they contain no token, and the client fetches
what has changed. The first event is the present state, so a client that missed events loses nothing.
"""
