"""Jinja2 templates of `templates/<topic>/`, strict about what they are given."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).resolve().parents[2] / "templates"


@cache
def _environment() -> Environment:
    # Configuration files, not HTML: escaping would corrupt them.
    return Environment(
        loader=FileSystemLoader(ROOT),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, /, **values: object) -> bytes:
    """Return template *name* (`<topic>/<file>.j2`) filled with *values*.

    The template gets `managed`, the header line that names the file's source.

    Raises:
        jinja2.UndefinedError: the template names a value that was not given.
    """
    managed = f"Managed by Keepgate from templates/{name}; local edits are undone."
    return _environment().get_template(name).render(managed=managed, **values).encode()
