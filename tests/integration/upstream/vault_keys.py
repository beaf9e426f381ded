"""Runs `doorward rotate-vault`, and reads what it did."""

import argparse
from pathlib import Path

import orjson
import sqlalchemy as sa

from doorward import rotate_vault
from doorward_identity.tables import upstream_grants
from doorward_kit.unit_of_work import Database
from integration.upstream.grant_setup import GrantSetup


def run(database: Database, keys: Path, *options: str) -> int:
    """Run the command, as the command line calls it."""
    parser = argparse.ArgumentParser()
    rotate_vault.add_arguments(parser)
    return rotate_vault.rotate(parser.parse_args(["--file", str(keys), *options]), lambda: database)


def kids(keys: Path) -> list[str]:
    return [member["kid"] for member in orjson.loads(keys.read_bytes())["keys"]]


def keys_of_grants(grant_setup: GrantSetup) -> set[str]:
    rows = grant_setup.execute(
        sa.select(upstream_grants.c.key_id).where(upstream_grants.c.key_id.is_not(None))
    )
    return {row[0].hex() for row in rows}
