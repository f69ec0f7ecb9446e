"""fail2ban as Keepgate wants it: jail by jail, and file by file.

One description is the source of the files and of what the server must answer then.
"""

from __future__ import annotations

import ipaddress
import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from deploys.agent import places as agent
from deploys.caddy import places as caddy
from deploys.common.changes import Directory, FileState
from deploys.common.templates import render

if TYPE_CHECKING:
    from deploys.settings import Settings

TABLE: Final = "keepgate_bans"
"""nft table (inet) that holds a chain and two sets per jail."""

PRIORITY: Final = -10
"""Of the table's input hook: before any ordinary filter (0)."""

ETC: Final = "/etc/fail2ban"
ACTION: Final = "keepgate-nft"
SPARE: Final = f"{ETC}/filter.d/ignorecommands/keepgate-spare"
RECORD: Final = "/run/fail2ban/keepgate.loaded"
"""Digest of the files that the running server has read; gone when it stops."""

_STATE: Final = "/run/fail2ban/keepgate-logins.json"
_UNITS: Final = "/etc/systemd/system"
DROPIN: Final = f"{_UNITS}/fail2ban.service.d/keepgate.conf"
_DATABASE: Final = "/var/lib/fail2ban/fail2ban.sqlite3"
_LOG: Final = "SYSTEMD-JOURNAL"
_WEEK: Final = 7 * 24 * 3600
_LOOPBACK: Final = ("127.0.0.0/8", "::1")

# A template unit's instances (`ssh@...`, one per connection) share a slice.
_SSH: Final = (
    ("_SYSTEMD_UNIT=ssh.service", "_UID=0"),
    ("_SYSTEMD_SLICE=system-ssh.slice", "_UID=0"),
)
_OWN: Final = (("_SYSTEMD_UNIT=fail2ban.service", "_UID=0"),)
# The agent's account is no fixed number. Nobody else gets into its cgroup, which is
# what journald goes by, nor writes to the stream that systemd opened for it; units of
# users are of `user@UID.service`.
_AGENT: Final = ((f"_SYSTEMD_UNIT={agent.UNIT}", "_TRANSPORT=stdout"),)

LOGIN: Final = "keepgate-login"
"""Jail of who fails at the login page."""

REFUSED: Final = "keepgate-refused"
"""Jail of whom the web server refuses again and again."""


@dataclass(frozen=True)
class Jail:
    """One jail as configured; times in seconds.

    It reads the entries of the journal that match, or the file *log*.
    """

    name: str
    filter: str
    matches: tuple[tuple[str, ...], ...]
    maxretry: int
    findtime: int
    bantime: int
    maxtime: int
    command: str
    log: str = ""

    @property
    def journal(self) -> str:
        """What is read of the journal, as fail2ban writes it."""
        return " + ".join(" ".join(match) for match in self.matches)

    def answers(self, ignored: tuple[str, ...]) -> dict[str, Any]:
        """Return what the running server must say of the jail."""
        return {
            "maxretry": self.maxretry,
            "findtime": self.findtime,
            "bantime": self.bantime,
            "bantime.increment": True,
            "bantime.maxtime": self.maxtime,
            "usedns": "no",
            "ignoreip": networks(ignored),
            "ignorecommand": self.command,
            "journalmatch": [list(match) for match in self.matches],
            "logpath": [self.log] if self.log else None,
            "actions": [ACTION],
        }


def networks(texts: tuple[str, ...] | list[str]) -> list[str]:
    """Return addresses and networks in one spelling, sorted; names as they are."""
    found: set[str] = set()
    for text in texts:
        try:
            found.add(str(ipaddress.ip_network(text, strict=False)))
        except ValueError:
            found.add(text)
    return sorted(found)


def spared(settings: Settings) -> tuple[str, ...]:
    """Return the networks that are never banned, besides loopback."""
    both = (*settings.operator.networks, *settings.fail2ban.ignore)
    return tuple(dict.fromkeys(both))


def ignored(settings: Settings) -> tuple[str, ...]:
    """Return what every jail ignores."""
    return (*_LOOPBACK, *spared(settings))


def jails(settings: Settings) -> tuple[Jail, ...]:
    """Return our jails; those of others are none of our business."""
    bans = settings.fail2ban
    command = f"{SPARE} <ip>" if bans.spare_logins else ""
    return (
        Jail(
            name="sshd",
            filter=f"keepgate-sshd[mode={bans.mode}]",
            matches=_SSH,
            maxretry=bans.max_retry,
            findtime=bans.find_time,
            bantime=bans.ban_time,
            maxtime=bans.max_ban_time,
            command=command,
        ),
        Jail(
            name="recidive",
            filter="keepgate-recidive",
            matches=_OWN,
            maxretry=bans.recidive_retry,
            findtime=bans.recidive_find_time,
            bantime=bans.recidive_ban_time,
            maxtime=max(bans.max_ban_time, bans.recidive_ban_time),
            command=command,
        ),
        *_web(settings, command),
    )


def watches_sites(settings: Settings) -> bool:
    """Whether who attacks the sites is banned.

    Only where there is a login, and all sites are met directly: the address that
    connects would be a proxy's, and one that a proxy tells of is not stopped by us.
    """
    sites = settings.sites
    guarded = any(site.is_guarded for site in sites)
    return guarded and all(site.proxied_by == "none" for site in sites)


def have_log(settings: Settings) -> str:
    """Return sh that makes the web server's log, if it is watched and not there.

    As the web server: what root makes, it could not write, and the folder is its own.
    """
    if not watches_sites(settings):
        return ""
    user, log = caddy.USER, caddy.ACCESS_LOG
    return (
        f"[ -e {log} ] || {{ install -d -o {user} -g {user} -m 0750 {caddy.LOGS} && "
        f"setpriv --reuid={user} --regid={user} --clear-groups "
        f'sh -c "umask 0177; : >>{log}"; }}'
    )


def _web(settings: Settings, command: str) -> tuple[Jail, ...]:
    if not watches_sites(settings):
        return ()
    bans = settings.fail2ban
    login = Jail(
        name=LOGIN,
        filter=LOGIN,
        matches=_AGENT,
        maxretry=bans.login_retry,
        findtime=bans.find_time,
        bantime=bans.ban_time,
        maxtime=bans.max_ban_time,
        command=command,
    )
    refused = replace(
        login,
        name=REFUSED,
        filter=REFUSED,
        matches=(),
        maxretry=bans.refused_retry,
        log=caddy.ACCESS_LOG,
    )
    return login, refused


def server(settings: Settings) -> dict[str, Any]:
    """Return what the running server must say of itself."""
    return {
        "dbfile": _DATABASE,
        "dbpurgeage": _purge_age(settings),
        "logtarget": _LOG,
    }


def _purge_age(settings: Settings) -> int:
    return _WEEK + max(jail.maxtime for jail in jails(settings))


def configuration(settings: Settings) -> dict[str, FileState]:
    """Return the files below /etc/fail2ban, by path."""
    ours = jails(settings)
    by_name = {jail.name: jail for jail in ours}
    wanted = ignored(settings)
    texts = {
        f"{ETC}/fail2ban.d/zz-keepgate.local": render(
            "fail2ban/fail2ban.local.j2", purge_age=_purge_age(settings)
        ),
        f"{ETC}/jail.d/00-keepgate.conf": render(
            "fail2ban/defaults.conf.j2", ignored=wanted
        ),
        f"{ETC}/jail.d/zz-keepgate.local": render(
            "fail2ban/jails.local.j2", jails=ours, ignored=wanted, action=ACTION
        ),
        f"{ETC}/filter.d/keepgate-sshd.conf": render(
            "fail2ban/filter-sshd.conf.j2", journal=by_name["sshd"].journal
        ),
        f"{ETC}/filter.d/keepgate-recidive.conf": render(
            "fail2ban/filter-recidive.conf.j2", journal=by_name["recidive"].journal
        ),
        f"{ETC}/action.d/{ACTION}.conf": render(
            "fail2ban/action.conf.j2",
            table=TABLE,
            priority=PRIORITY,
            spared=_by_family(spared(settings)),
        ),
    }
    spare = render(
        "fail2ban/spare.py.j2",
        hours=settings.fail2ban.spare_logins,
        state=_STATE,
        matches=json.dumps(_journalctl()),
    )
    if watches_sites(settings):
        for jail, path in zip((LOGIN, REFUSED), _WEB_FILTERS, strict=True):
            name = f"fail2ban/filter-{jail.removeprefix('keepgate-')}.conf.j2"
            texts[path] = render(name, journal=by_name[jail].journal)
    return {
        **{path: FileState(text) for path, text in texts.items()},
        SPARE: FileState(spare, mode=0o755),
    }


def files(settings: Settings) -> dict[str, FileState | Directory | None]:
    """Return every managed path, a folder before what is in it."""
    return {
        f"{ETC}/filter.d/ignorecommands": Directory(),
        **dict.fromkeys(_WEB_FILTERS),
        **configuration(settings),
        f"{_UNITS}/fail2ban.service.d": Directory(),
        DROPIN: FileState(
            render(
                "fail2ban/unit.conf.j2",
                digest=digest(),
                record=RECORD,
                log=have_log(settings),
            )
        ),
        f"{_UNITS}/nftables.service.d": Directory(),
        f"{_UNITS}/nftables.service.d/keepgate-bans.conf": FileState(
            render("fail2ban/nftables.conf.j2")
        ),
    }


_WEB_FILTERS: Final = (
    f"{ETC}/filter.d/{LOGIN}.conf",
    f"{ETC}/filter.d/{REFUSED}.conf",
)
PATHS: Final = (
    f"{ETC}/fail2ban.d/zz-keepgate.local",
    f"{ETC}/jail.d/00-keepgate.conf",
    f"{ETC}/jail.d/zz-keepgate.local",
    f"{ETC}/filter.d/keepgate-sshd.conf",
    f"{ETC}/filter.d/keepgate-recidive.conf",
    f"{ETC}/action.d/{ACTION}.conf",
    *_WEB_FILTERS,
    SPARE,
)
"""The files that the server reads or runs."""

MANAGED: Final = (
    f"{ETC}/filter.d/ignorecommands",
    *PATHS,
    f"{_UNITS}/fail2ban.service.d",
    DROPIN,
    f"{_UNITS}/nftables.service.d",
    f"{_UNITS}/nftables.service.d/keepgate-bans.conf",
)
"""Everything that is managed."""


def digest() -> str:
    """Return the sh command that writes a digest of the server's files.

    Those of the sites' jails need not be there.
    """
    names = " ".join(shlex.quote(path) for path in PATHS)
    return f"cat {names} 2>/dev/null | sha256sum | cut -c 1-64"


def _journalctl() -> list[str]:
    """Return sshd's entries as journalctl takes them; `+` is an or."""
    words: list[str] = []
    for match in _SSH:
        words += ["+", *match] if words else match
    return words


def _by_family(texts: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return networks as nft writes them, none inside another: nft refuses that."""
    parsed = [ipaddress.ip_network(text) for text in texts]
    old = [net for net in parsed if isinstance(net, ipaddress.IPv4Network)]
    new = [net for net in parsed if isinstance(net, ipaddress.IPv6Network)]
    families = {
        "ip": [str(net) for net in ipaddress.collapse_addresses(old)],
        "ip6": [str(net) for net in ipaddress.collapse_addresses(new)],
    }
    return [(family, nets) for family, nets in families.items() if nets]
