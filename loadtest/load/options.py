"""Options of a run, each with an environment variable, for argparse and for locust's parser."""

import argparse
import os
from collections.abc import Mapping
from typing import Any, Final

PASSWORD: Final = "ADMIN_PASSWORD"
"""A variable only: every user of the machine can read a command line."""

_VARIABLES: Final[Mapping[str, str]] = {
    "admin_email": "ADMIN_EMAIL",
    "ca_file": "CA_FILE",
    "insecure": "INSECURE",
    "mail_domain": "MAIL_DOMAIN",
    "accounts": "ACCOUNTS",
    "wrong_passwords": "WRONG_PASSWORDS",
    "threshold": "THRESHOLDS",
}


def add_options(parser: Any) -> None:
    """Add the options of a run to a parser of argparse or locust."""
    group = parser.add_argument_group("Doorward", f"The administrator's password is read from {PASSWORD}.")

    def add(name: str, default: str, text: str, **more: Any) -> None:
        variable = _VARIABLES[name]
        group.add_argument(
            f"--{name.replace('_', '-')}",
            default=variable_or(variable, default),
            help=f"{text} [{variable}; %(default)s]",
            **more,
        )

    add("admin_email", "admin@example.com", "login of an administrator")
    add("mail_domain", "example.com", "email domain of the test accounts")
    add("accounts", "40", "accounts to create; with more users than accounts, users share one", type=int)
    add(
        "wrong_passwords",
        "0",
        "logins with a wrong password in the run; an IP address is allowed 100 an hour",
        type=int,
    )
    group.add_argument(
        "--ca-file",
        default=variable_or("CA_FILE", ""),
        help="PEM file of the only certificate authority to trust [CA_FILE; the system's]",
    )
    group.add_argument(
        "--insecure",
        action="store_true",
        default=variable_or("INSECURE", "") not in {"", "0"},
        help="trust any certificate [INSECURE]",
    )
    group.add_argument(
        "--threshold",
        action="append",
        default=[rule for rule in variable_or("THRESHOLDS", "").split(";") if rule.strip()],
        metavar="RULE",
        help="`p95=800` or `GET /api/v1/users p95=500 errors=0 rejected=0`; repeatable, later rules win"
        " [THRESHOLDS, separated by ;]",
    )


def environment(options: argparse.Namespace) -> dict[str, str]:
    """Return the environment variables that correspond to the options."""
    values = {**vars(options), "threshold": ";".join(options.threshold), "insecure": "1" * options.insecure}
    return {variable: str(values[name]) for name, variable in _VARIABLES.items()}


def variable_or(variable: str, default: str) -> str:
    """Return the environment variable's value; an empty one is not a value."""
    return os.environ.get(variable) or default
