"""Why the accounts of a host are not touched, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploys.accounts.access import accesses, readable_keys
from deploys.accounts.database import Password
from deploys.accounts.places import key_file
from deploys.common.changes import FileState, Foreign, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploys.accounts.access import Access
    from deploys.accounts.database import Account
    from deploys.accounts.facts import AccountsHost
    from deploys.accounts.keys import PublicKey
    from deploys.settings import Settings


def kept_keys(seen: AccountsHost, name: str) -> tuple[PublicKey, ...]:
    """Return the keys that an adopted account keeps.

    Its file in root's folder rules once it is there; before, whatever sshd reads
    for it today.
    """
    kept = seen.files.get(key_file(name))
    if isinstance(kept, FileState):
        return readable_keys(kept.content.decode("utf-8", "backslashreplace"))
    login = seen.logins.get(name)
    found = readable_keys(login.keys) if login else ()
    return tuple({key.fingerprint: key for key in found}.values())


def refusals(settings: Settings, seen: AccountsHost) -> tuple[Refusal, ...]:
    """Return every reason not to touch the host."""
    return (
        *_links(seen),
        *_declared_accounts(settings, seen),
        *_adopted(settings, seen),
        *_unlisted(settings, seen),
    )


def _links(seen: AccountsHost) -> Iterator[Refusal]:
    for path, state in seen.files.items():
        if isinstance(state, Foreign):
            yield Refusal(
                "accounts-foreign-path",
                f"{path} is a {state.kind}, not a file",
                "move it away: Keepgate keeps a file of its own there",
            )


def _declared_accounts(settings: Settings, seen: AccountsHost) -> Iterator[Refusal]:
    for name in (settings.operator.name, *settings.accounts.users):
        yield from _fit(name, seen)


def _fit(name: str, seen: AccountsHost) -> Iterator[Refusal]:
    account = seen.accounts.get(name)
    if account is not None:
        yield from _unfit(account, seen)
    elif name in seen.homes:
        yield Refusal(
            "accounts-foreign-home",
            f"/home/{name} is there, but no account {name}: it may be somebody's data",
            "move the folder away, or create the account for it",
        )


def _unfit(account: Account, seen: AccountsHost) -> Iterator[Refusal]:
    name = account.name
    if account.uid == 0:
        yield Refusal(
            "accounts-is-root",
            f"{name} is root under another name (user id 0)",
            "choose an account with a user id of its own",
        )
    if not account.has_shell:
        yield Refusal(
            "accounts-no-shell",
            f"{name}'s shell {account.shell} admits no login",
            f"choose another account, or `usermod --shell /bin/bash {name}`",
        )
    if account.is_expired(seen.today):
        yield Refusal(
            "accounts-expired",
            f"the account {name} has expired",
            f"`chage --expiredate -1 {name}`",
        )
    if account.must_change_password(seen.today):
        yield Refusal(
            "accounts-password-aged",
            f"{name} must change the password before any command is run",
            f"`chage --maxdays -1 --lastday $(date +%F) {name}`",
        )
    if (
        account.password is Password.LOCKED
        and seen.effective.get("usepam", "yes") == "no"
    ):
        yield Refusal(
            "accounts-locked",
            f"{name} is locked, and sshd without PAM refuses keys of locked accounts",
            f"`usermod --password '*' {name}` unlocks it without giving it a password",
        )


def _adopted(settings: Settings, seen: AccountsHost) -> Iterator[Refusal]:
    for name in settings.accounts.adopt:
        if name not in seen.accounts:
            yield Refusal(
                "accounts-no-such-account",
                f"accounts.adopt names {name}, whom the host does not know",
                "take it off that list, or declare it with keys in accounts.users",
            )
            continue
        yield from _unfit(seen.accounts[name], seen)
        keys = kept_keys(seen, name)
        if not keys:
            yield Refusal(
                "accounts-no-keys",
                f"{name} has no keys to adopt, and passwords will no longer do",
                f"declare keys in accounts.users, or add {name} to accounts.drop",
            )
        for key in keys:
            if key.weakness:
                yield Refusal(
                    "accounts-weak-key",
                    f"{name}'s key {key.fingerprint} would be refused: {key.weakness}",
                    "have it replaced by an Ed25519 key, or take it out of the file",
                )


def _unlisted(settings: Settings, seen: AccountsHost) -> Iterator[Refusal]:
    policy = settings.accounts
    settled = {settings.operator.name, *policy.users, *policy.adopt, *policy.drop}
    for access in accesses(seen):
        if access.name in settled:
            continue
        if seen.accounts[access.name].uid == 0:
            yield from _root(settings, seen, access)
        else:
            yield Refusal(
                "accounts-unlisted",
                f"{access.name} can log in today (by {access.summary}), and nothing "
                "says what becomes of it",
                f"add {access.name} to accounts.adopt (stays, with its keys of "
                "today), to accounts.users (with keys you name), or to accounts.drop "
                "(can no longer log in)",
            )


def _root(settings: Settings, seen: AccountsHost, access: Access) -> Iterator[Refusal]:
    """Root is always closed: its keys must belong to somebody who still gets in."""
    at_home = _settled_keys(settings, seen)
    strangers = [key for key in access.keys if key.fingerprint not in at_home]
    ways = [*(f"key {key.fingerprint} {key.comment}".strip() for key in strangers)]
    ways += access.ways
    if ways:
        yield Refusal(
            "accounts-root-unlisted",
            f"{access.name} can log in today by {', '.join(ways)}, which opens no "
            "other account; direct logins of root are closed",
            f"give that key to an account in accounts.users, or add {access.name} to "
            "accounts.drop",
        )


def _settled_keys(settings: Settings, seen: AccountsHost) -> frozenset[str]:
    lines = [*settings.operator.keys]
    for user in settings.accounts.users.values():
        lines += user.keys
    found = {key.fingerprint for line in lines for key in readable_keys(line)}
    for name in settings.accounts.adopt:
        found |= {key.fingerprint for key in kept_keys(seen, name)}
    return frozenset(found)
