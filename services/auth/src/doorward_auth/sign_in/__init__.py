"""Sign-in: from the first proof to an open session.

`service.SignInService.log_in` reads top to bottom. After a right password the pure function
`steps.next_step` says what is needed next:

- `Authenticated`: the session opens in the same transaction. No row is stored.
- `StepRequired(step)`: a row of `sign_ins` stores the proofs so far, and the client gets its token. The next
  call of `POST /token` names the step by its grant type. It locks the row, compares the account, adds the
  proof and asks `next_step` again.
- `Denied`: the account may not sign in.

Nothing is stored before the first proof, so anonymous requests write no row.

Where a second factor goes: a member of `steps.Step` and a rule in `next_step` that needs it, a method of
SignInService that verifies the code under the row's lock (as `set_password` does) and continues with
`_finish`, and a grant in `grants.GRANTS`. `log_in` stays as it is.
"""
