"""Mails to new addresses of accounts: mails that others caused reject no request of the owner."""

from dataclasses import dataclass
from typing import Self

from doorward_auth.rate_limiting.limits import EMAIL_CHANGE_MAILS, EMAIL_CHANGES, PIN_GUESSES
from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.rate_limiting.callers import Answer, Auths, new_email, statuses

CHANGE = f"{AUTH}/email"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with a session."""

    auths: Auths
    member: Member
    headers: dict[str, str]

    @classmethod
    async def of(cls, auths: Auths, member: Member) -> Self:
        access = (await auths.log_in(member.email)).json()["access_token"]
        return cls(auths, member, {"Authorization": f"Bearer {access}"})

    async def ask(self, email: str) -> Answer:
        """Ask for a change of the address."""
        return await self.auths.call(
            "POST", CHANGE, {"email": email, "password": PASSWORD}, headers=self.headers
        )

    async def confirm(self, code: str) -> Answer:
        return await self.auths.call("PATCH", CHANGE, {"pin": code}, headers=self.headers)


async def users(auths: Auths, count: int) -> list[SignedIn]:
    return [await SignedIn.of(auths, member) for member in enrol(auths.database.url, count)]


async def claim(auths: Auths, email: str) -> None:
    """Have as many users as its mailbox gets mails claim an address, every second one with a tag."""
    local, _, domain = email.partition("@")
    for number, claimant in enumerate(await users(auths, EMAIL_CHANGE_MAILS.free)):
        claimed = f"{local}+{number}@{domain}" if number % 2 else email
        assert (await claimant.ask(claimed)).status == 202
    await auths.until_outbox_is_empty()


async def test_users_who_claim_an_address_do_not_take_it_from_its_owner(auths: Auths) -> None:
    email = new_email()
    await claim(auths, email)
    sent = len(auths.mails(email))
    [owner] = await users(auths, 1)
    assert (await owner.ask(email)).status == 202
    code = await auths.mailed_code(email, mails=sent + 1)
    assert code.startswith("dwe_")
    assert (await owner.ask(email)).status == 202
    await auths.until_outbox_is_empty()
    assert len(auths.mails(email)) == sent + 1, "the code is valid for a day"
    assert (await owner.confirm(code)).status == 204
    assert (await auths.log_in(email)).status == 200


async def test_past_the_limit_of_a_mailbox_each_account_has_one_mail_sent_to_it(auths: Auths) -> None:
    email = new_email()
    await claim(auths, email)
    sent = len(auths.mails(email))
    [claimant] = await users(auths, 1)
    tagged = email.replace("@", "+tag@")
    # Another address in between deletes the code of the first.
    for spelling in (email, email.title(), tagged, new_email(), email, email.upper(), tagged):
        assert (await claimant.ask(spelling)).status == 202
    await auths.until_outbox_is_empty()
    assert (len(auths.mails(email)), len(auths.mails(tagged))) == (sent + 1, 0)


async def test_guesses_of_several_accounts_at_tags_of_a_mailbox_count_together(auths: Auths) -> None:
    """Otherwise each account and tag had five guesses of its own."""
    local, _, domain = new_email().partition("@")
    *guessing, last = await users(auths, PIN_GUESSES.free + 1)
    for number, claimant in enumerate(guessing):
        claimed = f"{local}+{number}@{domain}"
        assert (await claimant.ask(claimed)).status == 202
        pin = await auths.mailed_pin(claimed)
        wrong = f"{(int(pin) + 1) % 1_000_000:06d}"
        assert (await claimant.confirm(wrong)).status == 400
    assert (await last.ask(f"{local}@{domain}")).status == 202
    code = await auths.mailed_code(f"{local}@{domain}")
    assert (await last.confirm(code)).status == 204
    await auths.until_outbox_is_empty()


async def test_changes_that_an_account_asks_for_are_limited(auths: Auths) -> None:
    asking, other = await users(auths, 2)
    answers = [await asking.ask(new_email()) for _ in range(EMAIL_CHANGES.free + 2)]
    assert statuses(answers) == {202: EMAIL_CHANGES.free, 429: 2}
    assert (await other.ask(new_email())).status == 202
    await auths.until_outbox_is_empty()
