"""Searches of a directory of a million people: deep pages, first pages against a plain list, and times."""

import random
from urllib.parse import quote

from bench import seed_directory
from bench.figures.pages import compare_pages
from bench.figures.search import measure_queries
from bench.plan import Plan
from bench.rounds import Figure
from bench.seed_directory import SeededDirectory
from bench.stack import Stack

_LIST = "/api/v1/users"


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Store the people in addition to the users of the stack, then search."""
    seeded = seed_directory.create(stack.database_url, plan.people)
    service = stack.service("users")
    token = stack.users.admin_token
    figures = [
        compare_pages(service.port, f"{_LIST}?q={quote(query)}&sort={sort}", token, plan.search_depth, plan)
        for query in (seeded.first_names[0], f"@{seeded.domains[1]}")
        for sort in ("created_at", "-name")
    ]
    chance = random.Random(20_260_107)
    title = f"search of {seeded.count:,} people for names, words and domains: p95"
    figures.append(
        measure_queries(service.port, token, title, lambda count: _query(chance, seeded, count), plan, _LIST)
    )
    service.stop()
    return figures


def _query(chance: random.Random, seeded: SeededDirectory, kind: int) -> str:
    """Return a search for the start of a name, for a first and a last name, or for an address."""
    last = chance.choice(seeded.last_names)
    first = seeded.first_names[int(len(seeded.first_names) ** chance.random()) - 1]
    domain = seeded.domains[int(len(seeded.domains) ** chance.random()) - 1]
    return (last[: chance.randint(2, 6)], f"{first} {last[:3]}", f"{first} @{domain}")[kind - 1]
