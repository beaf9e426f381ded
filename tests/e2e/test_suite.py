"""The end-to-end suite passes on real installations, reports skipped steps, and reports failures."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.running import PASSWORD, Standalone, answering, people, run_of, run_suite, started
from e2e.suite import STEPS
from support.chain import running_chain
from support.ports import free_port
from support.services import PATIENT

BY_MAIL = ["Registering", "Inviting", "A forgotten password", "Another address"]


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with Standalone(tmp_path_factory.mktemp("standalone")) as process:
        yield process


def assert_passed(done: subprocess.CompletedProcess[str], *, checks: int, skipped: list[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    titles = re.findall(r"^ ?\d+\. (.+)$", done.stdout, re.MULTILINE)
    assert titles == [title for title, _ in STEPS] + ["Leaving nothing behind"]
    counted = re.search(r"^PASSED: (\d+) checks in (\d+) steps\.$", done.stdout, re.MULTILINE)
    assert counted is not None, done.stdout
    assert int(counted[1]) == done.stdout.count("\n      ok  ") >= checks
    assert int(counted[2]) == len(titles) - len(skipped), "skipped steps do not count as passed"
    assert all(f"\n    {step.__doc__}\n" in done.stdout for _, step in STEPS)
    summary = f"SKIPPED: {len(skipped)} more steps, not proven here: {', '.join(skipped)}."
    assert (summary in done.stdout) is bool(skipped)
    assert done.stdout.count("SKIPPED") == (len(skipped) + 1 if skipped else 0)


@pytest.fixture(scope="module")
def done(standalone: Standalone) -> subprocess.CompletedProcess[str]:
    """A run on `make run` that reads its mail from the folder."""
    return run_suite(standalone.url + "/", MAILBOX=str(standalone.mailbox))


def test_the_suite_passes_on_make_run_with_its_mailbox(
    standalone: Standalone, done: subprocess.CompletedProcess[str]
) -> None:
    assert_passed(done, checks=135, skipped=[])
    by_page = run_suite(standalone.url, MAILBOX=standalone.mailbox_page)
    assert_passed(by_page, checks=135, skipped=[])
    assert people(standalone) == ["admin@example.com"]
    assert "Traceback" not in standalone.log_text()


def test_the_suite_adapts_to_other_settings(tmp_path: Path) -> None:
    strict = {
        "DOORWARD_REGISTRATION": "closed",
        "DOORWARD_DIRECTORY_VISIBILITY": "admins",
        "DOORWARD_ADMIN_SET_PASSWORD_MUST_CHANGE": "true",
        "DOORWARD_ADMIN_EMAIL": "root@example.org",
    }
    with Standalone(tmp_path, **strict) as standalone:
        done = run_suite(
            standalone.url,
            ADMIN_EMAIL="root@example.org",
            MAIL_DOMAIN="example.org",
            MAILBOX=str(standalone.mailbox),
        )
    assert_passed(done, checks=110, skipped=["Registering"])
    assert "SKIPPED: this address cannot register here (registration_closed)" in done.stdout
    assert "Here only administrators read the directory" in done.stdout
    assert "password is temporary here" in done.stdout


def test_without_a_mailbox_the_suite_lists_skipped_steps(standalone: Standalone) -> None:
    """The suite registers no address, because a registration without an account could not be removed."""
    done = run_suite(standalone.url)
    assert_passed(done, checks=90, skipped=BY_MAIL)
    assert not standalone.rows(
        "SELECT email FROM pending_registrations WHERE email LIKE ?", f"e2e-{run_of(done)}-%"
    )


def test_the_suite_passes_through_the_whole_chain_with_tls(tmp_path: Path) -> None:
    mailbox = tmp_path / "mailbox"
    env = {**PATIENT, "DOORWARD_REGISTRATION": "open", "DOORWARD_MAILBOX_DIR": str(mailbox)}
    with running_chain(env=env) as chain:
        done = run_suite(
            chain.edge.haproxy.tls_url,
            ADMIN_EMAIL=chain.admin.email,
            ADMIN_PASSWORD=chain.admin.password,
            CA_FILE=str(chain.edge.certificate.authority),
            MAILBOX=str(mailbox),
        )
        assert_passed(done, checks=135, skipped=[])
        untrusted = run_suite(chain.edge.haproxy.tls_url)
    assert untrusted.returncode == 1
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.stderr


def test_a_failed_check_ends_the_run_and_removes_its_users(tmp_path: Path) -> None:
    with Standalone(tmp_path, DOORWARD_REFRESH_GRACE_SECONDS="0") as standalone:
        done = run_suite(standalone.url)
        assert people(standalone) == ["admin@example.com"]
    assert done.returncode == 1
    assert "PASSED" not in done.stdout
    assert "removed the 7 people" in done.stdout
    assert 'in step 7, "Refreshing, and a refresh token that was copied"' in done.stderr
    assert "expected: A client that lost the answer may ask again at once (200)" in done.stderr
    assert "but got:  401 invalid_refresh_token from POST /api/v1/auth/refresh-token" in done.stderr


def test_missing_mail_ends_the_run_and_removes_its_users(standalone: Standalone, tmp_path: Path) -> None:
    done = run_suite(standalone.url, MAILBOX=str(tmp_path), MAIL_SECONDS="0.5")
    assert done.returncode == 1
    assert 'in step 12, "Registering"' in done.stderr
    assert "is MAILBOX where this installation writes its mail?" in done.stderr
    assert people(standalone) == ["admin@example.com"]


def test_an_interrupted_run_removes_its_users(standalone: Standalone) -> None:
    with started(standalone.url) as process:
        assert process.stdout is not None
        while "An account is deleted" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=240)
    assert process.returncode == 130
    assert errors == "\nFAILED: stopped before its end\n"
    assert re.search(r"removed the \d+ people", said) is not None
    assert people(standalone) == ["admin@example.com"]


@pytest.mark.parametrize("answer", [b"<html>Welcome</html>", b"not json", b"[1]", b"{}"])
def test_another_server_is_reported_without_a_traceback(answer: bytes) -> None:
    with answering(answer) as url:
        done = run_suite(url)
    assert done.returncode == 1
    assert 'FAILED: in step 1, "Without a token"' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("env", "status", "said"),
    [
        ({"ADMIN_PASSWORD": "not the analytical engine"}, 1, "401 invalid_credentials"),
        ({"ADMIN_PASSWORD": ""}, 2, "ADMIN_PASSWORD is not set"),
        ({"BASE_URL": "127.0.0.1:8080"}, 2, "'127.0.0.1:8080' is no http(s) address"),
        ({"BASE_URL": "http://[::1"}, 2, "argument --base-url: 'http://[::1'"),
        ({"MAIL_SECONDS": "soon"}, 2, "argument --mail-seconds"),
        ({"CA_FILE": "/nothing/there.pem"}, 2, "CA_FILE=/nothing/there.pem cannot be used"),
        ({"MAILBOX": "/nothing/there/mailbox"}, 2, "MAILBOX=/nothing/there/mailbox is neither"),
    ],
)
def test_invalid_options_are_reported_in_one_sentence(
    standalone: Standalone, env: dict[str, str], status: int, said: str
) -> None:
    done = run_suite(**{"base_url": standalone.url, **env})
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_server_is_reported_in_one_sentence() -> None:
    done = run_suite(f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_secret_is_printed(done: subprocess.CompletedProcess[str]) -> None:
    printed = done.stdout + done.stderr
    assert PASSWORD not in printed
    # The passwords of its people, tokens of any kind, codes.
    assert re.search(r"e2e [\w-]{16}\b|eyJ|dw[a-z]_|\b[0-9]{6}\b", printed) is None
