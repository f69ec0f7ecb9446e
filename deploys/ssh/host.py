"""POSIX sh that runs on the host: asking sshd, and making it read its files again.

Facts must change nothing, and sshd refuses even to print its configuration while
/run/sshd is missing (socket activation, nobody logged in): it is then asked in a
mount namespace of its own that has one.
"""

from __future__ import annotations

from typing import Final

from deploys.ssh.config import MAIN

# Not /usr/local: on Debian the group `staff` may write there.
PATH: Final = "PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH"

LOADED: Final = "/run/keepgate/sshd-loaded"
"""Which process read which configuration: `PID START DIGEST`, written at a reload.

Without it there is only the time at which systemd last saw the unit change: that
is lost on a removed drop-in, which has no time, and on a clock that jumped.
"""

CONNECTION: Final = "host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
"""A connection as `sshd -T -C` wants it described, without the user."""

EFFECTIVE: Final = """\
effective() {
  if [ -d /run/sshd ]; then /usr/sbin/sshd -T -C "$1"; else
    unshare --mount sh -c 'mount -t tmpfs -o mode=0755 none /run &&
      mkdir -m 0755 /run/sshd && exec /usr/sbin/sshd -T -C "$1"' sh "$1"
  fi
}
"""
"""Defines `effective SPEC`: sshd's configuration for one connection."""

COLLECT: Final = f"""\
collect() {{
  case "$seen" in *"|$1|"*) return 0;; esac
  [ -f "$1" ] || return 0
  seen="$seen|$1|"
  printf '%s %s %s\\n' "$(printf %s "$1" | base64 -w0)" \\
    "$(stat -L -c %Z -- "$1")" "$(base64 -w0 < "$1")"
  sed -n 's/^[[:space:]]*[Ii][Nn][Cc][Ll][Uu][Dd][Ee][[:space:]=]\\{{1,\\}}//p' "$1" |
    tr -d '"' | while read -r patterns; do
      set -f; for pattern in $patterns; do
        case "$pattern" in /*) ;; *) pattern="/etc/ssh/$pattern";; esac
        set +f; for file in $pattern; do collect "$file"; done
      done
    done
}}
configuration() {{ seen=; collect {MAIN}; }}
digest() {{ configuration | while read -r name _ content; do
  printf '%s %s\\n' "$name" "$content"; done | sha256sum | cut -d' ' -f1; }}
listener() {{
  pid="$(systemctl show -P MainPID ssh.service)"
  [ "${{pid:-0}}" != 0 ] || return 1
  # Field 22 is the start time; the name in field 2 may hold blanks.
  rest="$(cat "/proc/$pid/stat")" || return 1
  set -- ${{rest##*)}}
  shift 19
  printf '%s %s\\n' "$pid" "$1"
}}
"""
"""Defines `configuration` (path, change time, content of every file), `digest` of
it and `listener` (process number and start time of the running sshd)."""

_AGAIN: Final = """\
again() {
  if systemctl --quiet is-active ssh.socket; then
    systemctl restart ssh.service
  else
    systemctl reload ssh.service
  fi
}
"""
# A running sshd that systemd gave its socket loses it at SIGHUP ("Cannot bind any
# address") and ends; a restart gets the socket anew. Sessions survive both: the unit
# kills only its main process.

RELOAD: Final = f"""\
{PATH}
{COLLECT}{_AGAIN}
if systemctl --quiet is-active ssh.service; then
  rm -f {LOADED}
  read_now="$(digest)"
  again
  mkdir -p /run/keepgate
  if running="$(listener)"; then
    printf '%s %s\\n' "$running" "$read_now" > {LOADED}
  fi
elif ! systemctl --quiet is-active ssh.socket; then
  systemctl start ssh.service
fi
"""
"""Makes the listening sshd read its files; open sessions stay.

With ssh.socket and no sshd running, the next connection reads them anyway.
"""

REVERT: Final = f"""\
{PATH}
{_AGAIN}
rm -f {LOADED}
if systemctl --quiet is-active ssh.service; then
  again || systemctl restart ssh.service || :
  sleep 1
fi
# A reload that cannot listen again ends sshd after systemctl has returned.
if ! systemctl --quiet is-active ssh.service &&
  ! systemctl --quiet is-active ssh.socket; then
  systemctl reset-failed ssh.service 2>/dev/null || :
  systemctl start ssh.service
fi
"""
"""Makes the restored files effective, and starts sshd if nothing listens."""
