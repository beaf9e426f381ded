"""Shared by integration tests: installations, users, forged tokens, problem documents."""

import pytest

# Before they are imported: their asserts then say what they compared.
pytest.register_assert_rewrite(f"{__name__}.deployment", f"{__name__}.installation", f"{__name__}.problems")
