"""Which of the operator's keys can be used, or at least found, on this machine?

A public key without its private half opens nothing from here: whether it opens
anything at all is never proved. Where that holds for all of them, no commit can be
proved, and every `apply` would end in a rollback.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko import PKey, SSHException

from deploys.accounts.keys import InvalidKey, PublicKey, key_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deploys.edge import Target


def usable(target: Target) -> tuple[PKey, ...]:
    """Return the keys with which a run logs in: `key`, or without one the agent's."""
    if target.key is not None:
        with suppress(OSError, SSHException, ValueError):
            return (PKey.from_path(target.key),)
        return ()
    agent = paramiko.Agent()
    try:
        return tuple(agent.get_keys())
    except (SSHException, OSError):
        return ()
    finally:
        agent.close()


def warnings(target: Target, keys: Iterable[PKey], folder: Path) -> tuple[str, ...]:
    """Return, a sentence each, which of the operator's keys have no private half here.

    *keys* are those that a run logs in with; *folder* (usually `~/.ssh`) may hold
    further pairs.
    """
    told = [PublicKey.parse(line) for line in target.settings.operator.keys]
    held = {key.asbytes() for key in keys}
    where = f"`key` ({target.key})" if target.key else "the SSH agent"
    name = target.settings.operator.name
    if told and not any(key.blob in held for key in told):
        nothing = (
            f"none of operator.keys has its private half in {where}: nobody could "
            f"prove from here that {name} gets in, and `apply` would be undone; name "
            "the private key as `key`, or `ssh-add` it and leave `key` out"
        )
        return (nothing,)
    held |= set(_pairs(folder))
    return tuple(
        f"operator key {key.fingerprint}{f' ({key.comment})' if key.comment else ''} "
        f"has no private half on this machine, neither in {where} nor in {folder}: it "
        f"will open {name}'s account, and nobody here can prove that it is yours"
        for key in told
        if key.blob not in held
    )


def _pairs(folder: Path) -> Iterator[bytes]:
    """Yield the public keys of *folder* that have a private file beside them."""
    for path in sorted(folder.glob("*.pub")):
        if not path.with_suffix("").is_file():
            continue
        with suppress(OSError, InvalidKey):
            for _, line in key_lines(path.read_text("utf-8", "replace")):
                yield PublicKey.parse(line).blob


def of_this_machine(target: Target) -> tuple[str, ...]:
    """Return the `warnings` for this machine's keys."""
    return warnings(target, usable(target), Path.home() / ".ssh")
