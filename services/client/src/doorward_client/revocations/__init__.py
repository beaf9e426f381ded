"""Access tokens that died before their time (ASVS 7.4.1), and how every verifier learns of them.

Tokens are verified without asking anybody, so every verifier holds the list: sessions that ended,
and for users whose tokens all ended the lowest token_version that still counts. An entry lives as long as
the last token that it can hit, so the list is as long as five minutes of sign-outs.
"""
