"""Sessions of browsers at the pages of auth: single sign-on for the clients that send users there.

A session of a client names the browser session that it came from, and ends with it unless it has the scope
`offline_access`.
"""
