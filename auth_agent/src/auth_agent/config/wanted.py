"""What a key takes, in words: read from its type, so that it is never out of date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import NODEFAULT, inspect

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

_CHOICE = re.compile(r"\^\(([a-z|]+)\)\$")
_AS = {
    "rules": 'write "permission" = [["GET POST", "/path"]], or "*" for every method',
    "roles": 'write name = ["permission", "permission"]',
    "path": 'write "/" or "/_auth"',
}
"""How keys are written whose type does not say it."""


def wanted(field: FieldInfo) -> str:
    """Return how the key *field* is written, with its bounds and its default."""
    form = _AS.get(field.encode_name) or _form(inspect.type_info(field.type))
    default = field.default
    if default is NODEFAULT or isinstance(default, tuple) or default == "":
        return form
    shown = str(default).lower() if isinstance(default, bool) else f"{default}"
    return f"{form} ({shown} if left out)"


def _form(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "write true or false, without quotes"
        case inspect.IntType(ge=least, le=most):
            bounds = f"{least} or more" if most is None else f"{least} to {most}"
            return f"give a whole number, {bounds}"
        case inspect.VarTupleType():
            return 'give a list, ["…", "…"]'
        case inspect.StrType(pattern=str(pattern)) if found := _CHOICE.match(pattern):
            return f"choose one of {found[1].replace('|', ', ')}"
        case inspect.StrType(max_length=int(most)):
            return f"give text in quotes, 1 to {most} characters"
    return "give text in quotes"
