"""Logs are lines of JSON, and no secret gets into one."""

from __future__ import annotations

import json
import logging

import pytest
from auth_agent.serving.logs import HIDDEN, AsJson, Redactor
from hypothesis import given
from hypothesis import strategies as st

VALUE = "correct horse battery"


def _line(message: str, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, (), None)
    vars(record).update(extra)
    AsJson(Redactor([VALUE]))(record)
    found = json.loads(record.getMessage())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "message",
    [
        f"it is {VALUE}!",
        "password=hunter2hunter2",
        'the "token": "abcdefgh" was',
        "Authorization: Bearer",
        "kgk_abcdefghijkl",
        "$argon2id$v=19$m=1$abc",
        "otpauth://totp/x?secret=ABC",
        "Cookie: __Host-auth-login=aaaa",
        "Cookie: a=b; __Host-auth-site=aaaa; c=d",
        "set-cookie: x=1; Path=/; y=aaaa",
        "Authorization: Basic aaaaOnB3",
        "{'authorization': 'Bearer abcdefgh'}",
        "[('authorization', 'Bearer abcdefgh')]",
        "password='one aaaa two'",
        f"https://x.example/link/reset/{'aaaa' * 10}-_A",
    ],
)
def test_a_secret_is_taken_out(message: str) -> None:
    """By value, by the name before it, by its shape."""
    shown = str(_line(message)["message"])

    assert HIDDEN in shown
    for part in (VALUE, "hunter2", "abcdefgh", "argon2id", "ABC", "aaaa"):
        assert part not in shown


@pytest.mark.parametrize(
    "message",
    [
        "the cookie is there twice",
        f"sha256 {'ab' * 32}",
        "GET /admin/users 200",
        "a" * 44,
    ],
)
def test_what_is_no_secret_stays(message: str) -> None:
    """Hashes of files, paths and long words are not taken for tokens."""
    assert message == _line(message)["message"]


@pytest.mark.parametrize("name", ["password", "api_key", "reset_token", "cookie"])
def test_a_field_of_such_a_name_is_hidden(name: str) -> None:
    """Whatever it holds."""
    assert HIDDEN == _line("x", **{name: "anything"})[name]


def test_a_fault_is_told_without_its_secret() -> None:
    """Tracebacks quote values, too."""
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "m", (), None)
    error = ValueError(f"bad value {VALUE}")
    record.exc_info = (ValueError, error, None)

    AsJson(Redactor([VALUE]))(record)

    line = json.loads(record.getMessage())
    assert "ValueError" in line["exception"]
    assert VALUE not in record.getMessage()


@given(st.text(max_size=200))
def test_every_message_is_one_line_of_json(message: str) -> None:
    """No text can begin a line of its own."""
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (message,), None)
    AsJson(Redactor())(record)

    assert "\n" not in record.getMessage()
    json.loads(record.getMessage())
