"""Access tokens revoked before they expire (ASVS 7.4.1), and how every verifier learns of them.

Verifiers check tokens without a request to auth, so each holds the list: sessions that ended, and for users
whose tokens were all revoked the lowest valid `token_version`. An entry expires with the last token that it
can match. The list is therefore as long as five minutes of logouts.
"""
