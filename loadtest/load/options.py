"""What a run can be told, by options or by the environment; the runner's parser has them, and locust's."""

import argparse
import os
from collections.abc import Mapping
from typing import Any, Final

PASSWORD: Final = "ADMIN_PASSWORD"
"""Only so: what is on the command line, every user of the machine can read."""

_VARIABLES: Final[Mapping[str, str]] = {
    "admin_email": "ADMIN_EMAIL",
    "ca_file": "CA_FILE",
    "insecure": "INSECURE",
    "mail_domain": "MAIL_DOMAIN",
    "people": "PEOPLE",
    "mistypes": "MISTYPES",
    "threshold": "THRESHOLDS",
}


def add_options(parser: Any) -> None:
    """Add the options of a run to a parser, of argparse or of locust."""
    group = parser.add_argument_group(
        "Doorward", f"The administrator's password is read from {PASSWORD} alone."
    )
    add = group.add_argument
    add(
        "--admin-email",
        default=_text("ADMIN_EMAIL", "admin@example.com"),
        help=_help("an administrator", "ADMIN_EMAIL"),
    )
    add(
        "--ca-file",
        default=_text("CA_FILE", ""),
        help="PEM file of the one authority to trust [CA_FILE; the system's]",
    )
    add(
        "--insecure",
        action="store_true",
        default=_text("INSECURE", "") not in {"", "0"},
        help="trust any certificate [INSECURE]",
    )
    add(
        "--mail-domain",
        default=_text("MAIL_DOMAIN", "example.com"),
        help=_help("domain of the people that are made", "MAIL_DOMAIN"),
    )
    add(
        "--people",
        type=int,
        default=_text("PEOPLE", "40"),
        help=_help("how many people are made; with more users than people, some are there twice", "PEOPLE"),
    )
    add(
        "--mistypes",
        type=int,
        default=_text("MISTYPES", "0"),
        help=_help("logins with a wrong password; an address has a hundred an hour", "MISTYPES"),
    )
    add(
        "--threshold",
        action="append",
        default=[rule for rule in _text("THRESHOLDS", "").split(";") if rule.strip()],
        metavar="RULE",
        help="`p95=800` or `GET /api/v1/users p95=500 errors=0 refused=0`; repeatable, later ones win"
        " [THRESHOLDS, with ; between them]",
    )


def environment(options: argparse.Namespace) -> dict[str, str]:
    """Return the variables that say the same as the options."""
    values = {**vars(options), "threshold": ";".join(options.threshold), "insecure": "1" * options.insecure}
    return {variable: str(values[name]) for name, variable in _VARIABLES.items()}


def _text(variable: str, otherwise: str) -> str:
    return os.environ.get(variable) or otherwise


def _help(what: str, variable: str) -> str:
    return f"{what} [{variable}; %(default)s]"
