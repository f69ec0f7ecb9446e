"""Structured logs on standard output; secrets are taken out where they leave."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

HIDDEN = "[hidden]"
MIN_SECRET = 6
"""Shorter values are not looked for: they would hide half of every text."""

_NAMES = r"password|passwd|secret|token|cookie|authorization|code|credential|api_?key"
_VALUE = r"\"[^\"]*\"|'[^']*'|\S+"
_NAMED = re.compile(rf"(?i)\b([\w-]*(?:{_NAMES})[\w-]*)([\"']?\s*[=:]\s*)({_VALUE})")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)([\"']\s*,\s*|[\"']?\s*[=:]\s*)(.+)"
)
"""Of these headers the value goes on to the end of the line."""
_BITS = r"(?<![\w-])[\w-]{43}(?![\w-])"  # 256 of them, as `random_token` writes them
_SHAPED = re.compile(
    rf"kgk_[A-Za-z0-9_-]+|\$argon2id\$\S+|otpauth://\S+|{_BITS}", re.ASCII
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Redactor:
    """Takes secrets out of texts: by value, by the name before them, by their shape."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._values = sorted(
            {value for value in secrets if len(value) >= MIN_SECRET},
            key=len,
            reverse=True,
        )

    def text(self, text: str) -> str:
        """Return *text* without secrets."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
        return _SHAPED.sub(HIDDEN, _NAMED.sub(rf"\1\2{HIDDEN}", text))

    def field(self, name: str, value: object) -> object:
        """Return the value of a field; all of it is hidden if the name says so."""
        if re.search(rf"(?i){_NAMES}", name):
            return HIDDEN
        if isinstance(value, bool | int | float | None):
            return value
        return self.text(str(value))


class AsJson:
    """Makes of a record one JSON object; fields given as `extra` stand beside it."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, record: logging.LogRecord) -> bool:
        """Put the whole line into the record's message; every record is kept."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redactor.text(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = self._redactor.field(name, value)
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            line["exception"] = self._redactor.text(text)
        record.msg, record.args = json.dumps(line, ensure_ascii=True), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def configure(level: str, redactor: Redactor) -> None:
    """Send every logger's lines to standard output, one JSON object each."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(AsJson(redactor))
    logging.basicConfig(
        level=level.upper(), handlers=[handler], force=True, format="%(message)s"
    )
