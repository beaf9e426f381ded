"""The pages that users sign in with, under `/auth/`. They work without JavaScript.

| folder | pages |
|---|---|
| `sign_in` | login with its further steps, sign out |
| `registration` | register, verify the address, accept an invitation |
| `passwords` | forgotten password, new password |
| `consent` | may an application do this |
| `account` | own sessions and applications |
| `frame` | what all of them share: the visitor, forms, errors, static files |

A page calls the service that the JSON endpoint calls: there is one set of rules. What is rejected is shown
with the form, filled in.
"""
