"""`python -m e2e`: test the installation that the environment names; see --help."""

import argparse
import os
import ssl
import sys
from collections.abc import Sequence
from typing import Final

import httpx2

from e2e.context import Context, Target
from e2e.mailbox import Mailbox, open_mailbox
from e2e.reporter import Reporter, StepFailedError
from e2e.suite import take

_PASSED: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2
_INTERRUPTED: Final = 130

_EPILOG: Final = """\
Each option can be given by the environment variable in brackets instead, the password only so: what is on
the command line, every user of the machine can read. The run takes about half a minute, creates some twenty
accounts and removes them. It requests five mails; an installation sends thirty an hour for one source.
Some ten mails go to users at MAIL_DOMAIN, who do not exist, so use a domain whose mail arrives at your
test mailbox.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; return 0 if it passed, 1 if it failed, 2 for invalid options, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    password = os.environ.get("ADMIN_PASSWORD", "")
    reporter = Reporter()
    if not password:
        reporter.abort("ADMIN_PASSWORD is not set: the password of an administrator, who creates users")
        return _USAGE
    target = Target(
        url=options.base_url,
        admin_email=options.admin_email,
        admin_password=password,
        mail_domain=options.mail_domain,
        mail_seconds=options.mail_seconds,
    )
    try:
        verify = ssl.create_default_context(cafile=options.ca_file) if options.ca_file else True
        # The environment is ignored, because a proxy variable must not redirect requests.
        with httpx2.Client(verify=verify, timeout=20.0, trust_env=False) as client:
            mailbox = open_mailbox(options.mailbox, client) if options.mailbox else None
            return _run(target, client, mailbox, reporter)
    except NotADirectoryError as error:
        reporter.abort(f"MAILBOX={error} is neither a folder nor an http(s) address")
    except OSError as error:  # ssl.SSLError among them
        reporter.abort(f"CA_FILE={options.ca_file} cannot be used: {error}")
    return _USAGE


def _run(target: Target, client: httpx2.Client, mailbox: Mailbox | None, reporter: Reporter) -> int:
    context = Context(target, client, reporter, mailbox)
    reporter.say(f"Testing Doorward at {target.url} as {target.admin_email};")
    reporter.say(f"the users are named e2e-{context.run}-... and are removed at the end.")
    reporter.say()
    try:
        take(context)
    except StepFailedError as error:
        reporter.abort(str(error))
        return _FAILED
    except KeyboardInterrupt:
        reporter.abort("stopped before its end")
        return _INTERRUPTED
    except httpx2.HTTPError as error:
        reporter.abort(f"{target.url} does not answer: {str(error) or type(error).__name__}")
        return _FAILED
    reporter.conclude()
    return _PASSED


def _base_url(text: str) -> str:
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no http(s) address")
    return text.rstrip("/")


def _parser() -> argparse.ArgumentParser:
    def default(name: str, otherwise: str) -> str:
        return os.environ.get(name) or otherwise

    parser = argparse.ArgumentParser(
        prog="python -m e2e",
        description="Check a running installation through its API and print each step.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--base-url",
        type=_base_url,
        default=default("BASE_URL", "http://127.0.0.1:8080"),
        help="URL of the installation, without /api/v1 [BASE_URL; %(default)s]",
    )
    parser.add_argument(
        "--admin-email",
        default=default("ADMIN_EMAIL", "admin@example.com"),
        help="an administrator's address [ADMIN_EMAIL; %(default)s]",
    )
    parser.add_argument(
        "--mailbox",
        default=default("MAILBOX", ""),
        help="its mailbox: the folder (var/mailbox) or the page that `make run` prints;"
        " without it, steps that need mail are skipped [MAILBOX]",
    )
    parser.add_argument(
        "--ca-file", default=default("CA_FILE", ""), help="PEM file of the authority to trust [CA_FILE]"
    )
    parser.add_argument(
        "--mail-domain",
        default=default("MAIL_DOMAIN", "example.com"),
        help="domain of the users that the run creates [MAIL_DOMAIN; %(default)s]",
    )
    parser.add_argument(
        "--mail-seconds",
        type=float,
        default=default("MAIL_SECONDS", "30"),
        help="how long to wait for a mail [MAIL_SECONDS; %(default)s]",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
