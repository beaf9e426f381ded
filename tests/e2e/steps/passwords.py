"""Changing a password that is known."""

import httpx2

from e2e.probe import AUTH
from e2e.steps.doors import still_in
from e2e.walk import Member, Walk, new_password


def changing_a_password(walk: Walk) -> None:
    """The new one counts, the other sessions end."""
    member = walk.member("petra")
    elsewhere = walk.sign_in(member.email, member.password)
    wrong = _change(walk, member, "not a password of anybody", new_password())
    walk.prove("The current password is asked for", wrong, 401, "invalid_credentials")
    for what, password, code in (
        ("one that everybody tries first", "password123", "password_common"),
        ("one made of the own address", member.email, "password_personal"),
    ):
        refused = _change(walk, member, member.password, password)
        problem = walk.expect(f"{what} is refused", refused, 422, "validation_error")
        codes = [(one["pointer"], one["code"]) for one in problem["errors"]]
        walk.check(f"A new password must not be {what}", codes == [("/new_password", code)], codes)
    same = _change(walk, member, member.password, member.password)
    walk.prove("... nor the one before", same, 422, "password_unchanged")
    chosen = new_password()
    walk.prove("It is changed", _change(walk, member, member.password, chosen), 204)
    walk.check("The session that changed it goes on", still_in(walk, member))
    walk.soon("The other one has ended", lambda: walk.is_refused(elsewhere.access))
    old = walk.log_in(member.email, member.password)
    walk.prove("The old password opens nothing", old, 401, "invalid_credentials")
    walk.prove("The new one does", walk.log_in(member.email, chosen), 200)
    body = {"email": member.email, "current_password": chosen, "new_password": new_password()}
    by_address = walk.send("POST", f"{AUTH}/password", json=body)
    walk.prove("Without a token, by the address instead, it is changed too", by_address, 204)
    walk.soon("... and every session has ended", lambda: walk.is_refused(member.session.access))


def _change(walk: Walk, member: Member, current: str, new: str) -> httpx2.Response:
    body = {"current_password": current, "new_password": new}
    return walk.send("POST", f"{AUTH}/password", member.session.access, json=body)
