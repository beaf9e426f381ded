"""Changing a password that is known."""

import httpx2

from e2e.context import Context, Member, new_password
from e2e.probe import AUTH
from e2e.steps.sessions import is_signed_in


def changing_a_password(context: Context) -> None:
    """The new password is valid, and the other sessions end."""
    member = context.member("petra")
    elsewhere = context.sign_in(member.email, member.password)
    wrong = _change(context, member, "not the right password", new_password())
    context.prove("The current password is required", wrong, 401, "invalid_credentials")
    for what, password, code in (
        ("a common one", "password123", "password_common"),
        ("one made of the own address", member.email, "password_personal"),
    ):
        rejected = _change(context, member, member.password, password)
        problem = context.expect(f"{what} is rejected", rejected, 422, "validation_error")
        codes = [(error["pointer"], error["code"]) for error in problem["errors"]]
        context.check(f"A new password must not be {what}", codes == [("/new_password", code)], codes)
    same = _change(context, member, member.password, member.password)
    context.prove("... or the current one", same, 422, "password_unchanged")
    chosen = new_password()
    context.prove("The password is changed", _change(context, member, member.password, chosen), 204)
    context.check("The own session continues", is_signed_in(context, member))
    context.soon("The other session has ended", lambda: context.is_rejected(elsewhere.access))
    old = context.log_in(member.email, member.password)
    context.prove("The old password is rejected", old, 401, "invalid_credentials")
    context.prove("The new password is accepted", context.log_in(member.email, chosen), 200)
    body = {"email": member.email, "current_password": chosen, "new_password": new_password()}
    by_address = context.send("POST", f"{AUTH}/password", json=body)
    context.prove("A password can be changed with the address instead of a token", by_address, 204)
    context.soon("... and every session has ended", lambda: context.is_rejected(member.session.access))


def _change(context: Context, member: Member, current: str, new: str) -> httpx2.Response:
    body = {"current_password": current, "new_password": new}
    return context.send("POST", f"{AUTH}/password", member.session.access, json=body)
