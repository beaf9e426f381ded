"""`python -m bench.peers.fastapi_users_app COUNT WITH_PASSWORD PASSWORD`: create the table and users."""
# mypy: disable-error-code="import-not-found"
# fastapi-users is in an environment of its own.

import asyncio
import sys
import uuid
from typing import Final

from fastapi_users.password import PasswordHelper
from sqlalchemy import insert

from bench.peers.fastapi_users_app.app import Base, User, engine
from bench.peers.people import email_of

_BATCH_SIZE: Final = 1_000


async def main(count: int, with_password: int, password: str) -> None:
    """The first users have the password, whose hash is computed once."""
    hashed = PasswordHelper().hash(password)
    rows = [
        {
            "id": uuid.uuid4(),
            "email": email_of(number),
            "hashed_password": hashed if number < with_password else "!",
            "is_active": True,
            "is_superuser": False,
            "is_verified": True,
        }
        for number in range(count)
    ]
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        for start in range(0, count, _BATCH_SIZE):
            await connection.execute(insert(User), rows[start : start + _BATCH_SIZE])
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
