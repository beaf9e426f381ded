"""The application: `create_app()` for uvicorn."""
# mypy: disable-error-code="import-not-found,misc,no-any-unimported,untyped-decorator"
# fastapi-users is in an environment of its own.

import os
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from bench.peers import fastapi_users_app

_SECRET: Final = os.environ["PEER_SECRET_KEY"]
_LIFETIME: Final = 3_600
"""Seconds, as in the documentation."""

engine: Final = create_async_engine(
    os.environ["PEER_DATABASE_URL"].replace("mysql+pymysql:", "mysql+asyncmy:"), pool_size=8
)
_new_session: Final = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """Base class of the tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """The table of users."""


class UserRead(schemas.BaseUser[uuid.UUID]):
    """The profile."""


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """The library's rules."""

    reset_password_token_secret = _SECRET
    verification_token_secret = _SECRET


async def _sessions() -> AsyncIterator[AsyncSession]:
    async with _new_session() as session:
        yield session


async def _databases(session: Annotated[AsyncSession, Depends(_sessions)]) -> AsyncIterator[Any]:
    yield SQLAlchemyUserDatabase(session, User)


async def _managers(database: Annotated[Any, Depends(_databases)]) -> AsyncIterator[UserManager]:
    yield UserManager(database)


def _strategy() -> Any:
    return JWTStrategy(secret=_SECRET, lifetime_seconds=_LIFETIME)


def create_app() -> FastAPI:
    backend = AuthenticationBackend(
        name="jwt",
        transport=BearerTransport(tokenUrl=fastapi_users_app.LOGIN.removeprefix("/")),
        get_strategy=_strategy,
    )
    users = FastAPIUsers[User, uuid.UUID](_managers, [backend])
    app = FastAPI()
    app.include_router(users.get_auth_router(backend), prefix=fastapi_users_app.LOGIN.removesuffix("/login"))
    app.include_router(
        users.get_users_router(UserRead, schemas.BaseUserUpdate),
        prefix=fastapi_users_app.PROFILE.removesuffix("/me"),
    )

    @app.get("/readyz")
    async def readyz() -> None:
        return None

    return app
