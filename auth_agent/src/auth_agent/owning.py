"""Who works in the agent's folders: their owner, also when root gave the command."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path


def become_owner(path: Path) -> None:
    """Give up root's rights for those of the account that *path* belongs to.

    Whoever owns a folder may put links in the place of its files, so root must not
    work there: it would write, give away or show what the account itself cannot
    reach. What a command makes is the agent's, too, when that starts. The account is
    the first one but root on the way from `/` to *path*; without any, and for
    everybody but root, nothing changes. There is no way back (setresuid(2)).
    """
    if os.geteuid() != 0:
        return
    found = _stranger(path.absolute())
    if found is None:
        return
    uid, gid = found.st_uid, found.st_gid
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        os.setgroups([])
    else:
        gid = account.pw_gid
        os.initgroups(account.pw_name, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _stranger(path: Path) -> os.stat_result | None:
    """Return the first part of the way to *path* that is not root's, if any."""
    for place in (*reversed(path.parents), path):
        try:
            found = place.lstat()
        except FileNotFoundError:
            return None
        if found.st_uid != 0:
            return found
        if stat.S_ISLNK(found.st_mode):
            inner = _stranger(place.parent / place.readlink())
            if inner is not None:
                return inner
    return None
