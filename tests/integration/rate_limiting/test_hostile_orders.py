"""Two hundred addresses, each registered by its owner and by attackers at once, through three processes."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from typing import Final

from integration.rate_limiting.callers import REGISTER, RESEND, Answer, Auths, new_email

ADDRESSES: Final = 200
AT_ONCE: Final = 25
OWNER: Final = "the owner's own phrase"
ATTACKER: Final = "an attacker's phrase, no. 1"
MADE_UP: Final = "dwv_" + "A" * 64
CODE: Final = re.compile(r"\bdwv_[A-Za-z0-9_-]{64}")

Act = Callable[[], Awaitable[Answer]]


class Address:
    """An address whose mail the owner reads, and what was done with it."""

    def __init__(self, auths: Auths, order: random.Random) -> None:
        self.email = new_email()
        self._auths = auths
        self._order = order
        self._own_token: str | None = None
        self._attackers_token: str | None = None

    async def everybody_acts(self) -> None:
        """Let the owner register once, and attackers do what they like, in any order and partly at once."""
        register = self._attackers_registration
        reset: Act = lambda: self._auths.ask_for_reset(self.email)  # noqa: E731 - one of several alike
        acts: list[Act] = self._order.choices(
            [register, register, self._resend, reset, self._guess, self._attacker_verifies], k=5
        )
        acts.insert(self._order.randrange(len(acts) + 1), self._own_registration)
        while acts:
            together = self._order.randint(1, len(acts))
            answers = await asyncio.gather(*(act() for act in acts[:together]))
            assert {answer.status for answer in answers} <= {200, 202, 400, 422}, answers
            del acts[:together]

    async def owner_gets_in(self) -> None:
        """Enter the code of the newest mail, with the registration or a password; then log in."""
        code = CODE.search(self._auths.mails(self.email)[0])
        assert code is not None
        if self._order.random() < 0.5 and self._own_token is not None:
            answer = await self._auths.verify(code[0], registration_token=self._own_token)
        else:
            answer = await self._auths.verify(code[0], password=OWNER)
        assert answer.status == 200, answer
        assert (await self._auths.log_in(self.email, ATTACKER)).status == 401
        assert (await self._auths.log_in(self.email, OWNER)).status == 200

    async def _own_registration(self) -> Answer:
        answer = await self._register(OWNER)
        self._own_token = str(answer.json()["registration_token"])
        return answer

    async def _attackers_registration(self) -> Answer:
        answer = await self._register(ATTACKER)
        self._attackers_token = str(answer.json()["registration_token"])
        return answer

    async def _register(self, password: str) -> Answer:
        answer = await self._auths.call("POST", REGISTER, {"email": self.email, "password": password})
        assert answer.status == 202, answer
        return answer

    async def _resend(self) -> Answer:
        return await self._auths.call("POST", RESEND, {"email": self.email})

    async def _guess(self) -> Answer:
        return await self._auths.verify(MADE_UP, password=ATTACKER)

    async def _attacker_verifies(self) -> Answer:
        return await self._auths.verify(MADE_UP, registration_token=self._attackers_token or "dwg_")


async def test_each_owner_can_log_in_with_her_password_and_no_attacker_can(auths: Auths) -> None:
    order = random.Random(13)
    for _ in range(ADDRESSES // AT_ONCE):
        addresses = [Address(auths, order) for _ in range(AT_ONCE)]
        await asyncio.gather(*(address.everybody_acts() for address in addresses))
        await auths.until_outbox_is_empty()
        await asyncio.gather(*(address.owner_gets_in() for address in addresses))
