"""Stores people by the million, with search terms; how often a name or a domain occurs follows Zipf's law."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from doorward_identity.directory_index import email_terms, name_terms
from doorward_kit.database import create_engine

FIRST_NAMES: Final = 2_000
LAST_NAMES: Final = 30_000
DOMAINS: Final = 500
_BATCH_SIZE: Final = 5_000
STEP: Final = 1_000
"""People come by the thousand."""


@dataclass(frozen=True)
class SeededDirectory:
    """The number of people, and their names and domains, the most frequent first."""

    count: int
    first_names: Sequence[str]
    last_names: Sequence[str]
    domains: Sequence[str]


def create(database_url: str, count: int) -> SeededDirectory:
    """Store `count` people, a multiple of STEP, with one address each."""
    chance = random.Random(20_260_106)
    names = _names(chance)
    first, last = list(itertools.islice(names, FIRST_NAMES)), list(itertools.islice(names, LAST_NAMES))
    domains = [f"{name.lower()}.example.org" for name in itertools.islice(names, DOMAINS)]
    _check_terms(first[0], last[0], domains[0])
    engine = create_engine(database_url, pool_size=1, timeout=1_800)
    with engine.connect() as connection:
        connection.execute(sa.text("SET unique_checks = 0, foreign_key_checks = 0"))
        _SCRATCH.create_all(connection)
        _fill(connection, _NUMBERS, [{"n": number} for number in range(max(STEP, count // STEP))])
        for kind, values in (("first", first), ("last", last), ("domain", domains)):
            _fill(
                connection,
                _WORDS,
                [{"kind": kind, "n": number, "word": word} for number, word in enumerate(values)],
            )
        connection.execute(sa.text(_INSERT_PEOPLE), {"thousands": count // STEP})
        connection.execute(sa.text(_INSERT_USERS))
        for source, term in _TERMS:
            connection.execute(sa.text(_INSERT_TERMS.format(term=term)), {"source": source})
        _SCRATCH.drop_all(connection)
        connection.execute(sa.text("ANALYZE TABLE users, user_search_terms"))
    engine.dispose()
    return SeededDirectory(count, first, last, domains)


_SCRATCH: Final = sa.MetaData()
_NUMBERS: Final = sa.Table(
    "bench_numbers", _SCRATCH, sa.Column("n", sa.Integer, primary_key=True, autoincrement=False)
)
_WORDS: Final = sa.Table(
    "bench_words",
    _SCRATCH,
    sa.Column("kind", sa.String(8), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("word", sa.String(64), nullable=False),
)
_PEOPLE: Final = sa.Table(
    "bench_people",
    _SCRATCH,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.LargeBinary(16).with_variant(sa.BINARY(16), "mysql", "mariadb"), nullable=False),
    sa.Column("first", sa.String(64), nullable=False),
    sa.Column("last", sa.String(64), nullable=False),
    sa.Column("domain", sa.String(64), nullable=False),
)


def _zipf(size: int, salt: int) -> str:
    """Return SQL for a rank below `size`; the rank r is about 1/r as frequent as the first."""
    return f"FLOOR(POW({size}, CRC32(a.n * {STEP} + b.n + {salt}) / 4294967296)) - 1"


_INSERT_PEOPLE: Final = f"""
INSERT INTO bench_people (n, id, first, last, domain)
SELECT STRAIGHT_JOIN a.n * {STEP} + b.n,
    UNHEX(CONCAT(LPAD(HEX(1577836800000 + 150000 * (a.n * {STEP} + b.n)), 12, '0'), '70008',
        LPAD(HEX(a.n * {STEP} + b.n), 15, '0'))),
    (SELECT word FROM bench_words WHERE kind = 'first' AND n = {_zipf(FIRST_NAMES, 0)}),
    (SELECT word FROM bench_words WHERE kind = 'last' AND n = {_zipf(LAST_NAMES, 1_000_000_000)}),
    (SELECT word FROM bench_words WHERE kind = 'domain' AND n = {_zipf(DOMAINS, 2_000_000_000)})
FROM bench_numbers a JOIN bench_numbers b WHERE a.n < :thousands AND b.n < {STEP}
"""
_LOCAL: Final = "CONCAT(LOWER(first), '.', LOWER(last), n)"
_CREATED: Final = "TIMESTAMP '2020-01-01 00:00:00' + INTERVAL 150 * n SECOND"
_INSERT_USERS: Final = f"""
INSERT INTO users (id, email, email_key, name, name_key, role, status, email_verified_at, token_version,
    auth_version, version, created_at, updated_at)
SELECT id, CONCAT({_LOCAL}, '@', domain), CONCAT({_LOCAL}, '@', domain), CONCAT(first, ' ', last),
    CONCAT(LOWER(first), ' ', LOWER(last)), IF(n % 1000, 'user', 'admin'), IF(n % 50, 'active', 'disabled'),
    {_CREATED}, 0, 0, 1, {_CREATED}, {_CREATED}
FROM bench_people ORDER BY n
"""
_TERMS: Final = (
    ("name", "LOWER(first)"),
    ("name", "LOWER(last)"),
    ("email", f"CONCAT({_LOCAL}, '@', domain)"),
    ("email", "CONCAT(LOWER(last), n, '@', domain)"),
    ("email", "CONCAT('@', domain)"),
    ("email", "domain"),
    ("email", "SUBSTRING(domain, LOCATE('.', domain) + 1)"),
)
_INSERT_TERMS: Final = """
INSERT INTO user_search_terms (user_id, source, term) SELECT id, :source, {term} FROM bench_people ORDER BY n
"""


def _check_terms(first: str, last: str, domain: str) -> None:
    """Raise RuntimeError if the terms above are not those of the service."""
    local = f"{first}.{last}7".lower()
    expected = {
        *(f"{local}@{domain}", f"{last.lower()}7@{domain}", f"@{domain}", domain),
        domain.partition(".")[2],
    }
    address = f"{local}@{domain}"
    if email_terms(address, address) != expected or name_terms(f"{first} {last}") != {
        first.lower(),
        last.lower(),
    }:
        raise RuntimeError("the search terms of the benchmark are not those of the service")


def _names(chance: random.Random) -> Iterator[str]:
    """Yield distinct names of three syllables in random order."""
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprst", "aeiou")]
    names = ["".join(three).capitalize() for three in itertools.product(syllables, repeat=3)]
    chance.shuffle(names)
    yield from names


def _fill(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH_SIZE):
        connection.execute(table.insert(), rows[start : start + _BATCH_SIZE])
