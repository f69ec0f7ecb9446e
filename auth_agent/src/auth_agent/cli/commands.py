"""Which words of the command line are which action, with which arguments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """One argument; *field* is what the action calls it. `--x` are options."""

    name: str
    field: str
    help: str = ""
    default: str | int | None = None
    number: bool = False
    account: bool = False
    many: bool = False
    since: bool = False
    file: bool = False


@dataclass(frozen=True)
class Command:
    """`auth-agent WORDS…`: an action; *once* shows what only a terminal may see."""

    words: tuple[str, ...]
    action: str
    help: str
    arguments: tuple[Argument, ...] = ()
    once: bool = False


def _user(help_: str = "account name or address") -> Argument:
    return Argument("user", "id", help_, account=True)


_LIMIT = Argument("--limit", "limit", "how many", 100, number=True)
_QUERY = (
    Argument("--since", "since", "date (2030-12-31) or age (90m, 12h, 7d)", since=True),
    Argument("--type", "events", "event type; may be repeated", many=True),
    Argument("--outcome", "outcome", "success, failure or denied"),
    Argument("--actor", "actor", "who did it"),
    Argument("--ip", "ip", "from which address"),
    _LIMIT,
)

GROUPS = {
    "users": "accounts: made, changed, let in again, ended",
    "bans": "what keeps somebody out, and lifting it",
    "sessions": "logins of everybody, and ending them",
    "keys": "API keys of everybody, and ending them",
    "audit": "the audit log: read, reviewed, checked",
    "policy": "rules: shown, explained, taken anew",
    "settings": "settings: shown, taken anew; secrets",
    "clock": "the machine's clock",
}
"""What the commands of two words have in common."""

COMMANDS = (
    *(
        Command(
            (word,),
            "users.first-admin",
            "show the link that makes the first administrator (15 minutes)",
            once=True,
        )
        for word in ("first-admin", "create-admin")
    ),
    Command(
        ("users", "list"),
        "users.list",
        "list accounts",
        (Argument("--search", "search", "part of a name", ""), _LIMIT),
    ),
    Command(
        ("users", "add"),
        "users.invite",
        "create an account and show its invitation link",
        (
            Argument("name", "name", "account name"),
            Argument("display_name", "display_name", "name as it is shown"),
            Argument("email", "email", "address"),
            Argument("--role", "role", "role", "viewer"),
        ),
        once=True,
    ),
    Command(("users", "disable"), "users.disable", "let it in no more", (_user(),)),
    Command(("users", "enable"), "users.enable", "let it in again", (_user(),)),
    Command(("users", "delete"), "users.delete", "remove the account", (_user(),)),
    Command(
        ("users", "role"),
        "users.role",
        "change the role",
        (_user(), Argument("role", "role", "new role")),
    ),
    Command(
        ("users", "reset-password"),
        "users.reset",
        "show a link to set a new password; second factors stay",
        (_user(),),
        once=True,
    ),
    Command(
        ("users", "recover"),
        "users.recover",
        "as reset-password, and take the second factors off",
        (_user(),),
        once=True,
    ),
    Command(("users", "unlock"), "bans.unlock", "end locks and limits", (_user(),)),
    Command(("unlock",), "bans.unlock", "end locks and limits", (_user(),)),
    Command(("bans", "list"), "bans.list", "what keeps somebody out now"),
    Command(
        ("bans", "lift"), "bans.lift", "end one of them", (Argument("key", "key"),)
    ),
    Command(("sessions", "list"), "sessions.list", "everybody's logins", (_LIMIT,)),
    Command(
        ("sessions", "end"), "sessions.end", "end a login", (Argument("id", "id"),)
    ),
    Command(
        ("sessions", "end-all"),
        "sessions.end-all",
        "end all logins of an account",
        (_user(),),
    ),
    Command(("keys", "list"), "keys.list", "everybody's API keys", (_LIMIT,)),
    Command(("keys", "revoke"), "keys.revoke", "end a key", (Argument("id", "id"),)),
    Command(("audit", "tail"), "audit.tail", "the newest records", (_LIMIT,)),
    Command(("audit", "search"), "audit.search", "search the log", _QUERY),
    Command(("audit", "export"), "audit.export", "the stored lines", _QUERY[:-1]),
    Command(
        ("audit", "verify"),
        "audit.verify",
        "check the whole log",
        (
            Argument("--segment", "segment", "of a noted checkpoint", 0, number=True),
            Argument("--seq", "seq", "of a noted checkpoint", 0, number=True),
            Argument("--hash", "mac", "of a noted checkpoint", ""),
        ),
    ),
    Command(
        ("audit", "review"),
        "audit.reviewed",
        "what happened since the last review; records that it was done",
    ),
    Command(
        ("audit", "unreviewed"),
        "audit.review",
        "the same, and the next review still begins there",
    ),
    Command(
        ("policy", "explain"),
        "policy.explain",
        "why a request is allowed or refused",
        (
            Argument("host", "host", "site"),
            Argument("path", "path", "path", "/"),
            Argument("--method", "method", "method", "GET"),
        ),
    ),
    Command(("policy", "show"), "policy.show", "all rules and roles"),
    Command(("policy", "reload"), "policy.reload", "take the rules from the file"),
    Command(("settings", "show"), "settings.show", "the settings in effect"),
    Command(("settings", "reload"), "settings.reload", "take them anew from the file"),
    Command(
        ("settings", "rotate-secrets"),
        "settings.rotate-secrets",
        "seal second factors under a new key",
    ),
    Command(("status",), "system.status", "how the agent is"),
    Command(
        ("backup",),
        "system.backup",
        "write a copy of the store while running",
        (Argument("path", "path", "name of a new file", file=True),),
    ),
    Command(("clock", "reset"), "system.reset-clock", "take the clock as right"),
)
"""Every command that is an action."""
