"""What is done to a host with sites so that a control of bans must say so."""

from __future__ import annotations

from typing import Final

_ACTION: Final = "/etc/fail2ban/action.d/keepgate-nft.conf"

FAULTS: Final = {
    # First: it has the jails started anew.
    "BAN-16": f"sed -i 's|<ip>/64|<ip>|g' {_ACTION}; fail2ban-client reload >/dev/null",
    "BAN-14": "fail2ban-client stop keepgate-login >/dev/null",
    "BAN-15": "fail2ban-client set keepgate-refused maxretry 5000 >/dev/null",
}
"""What makes a control fail; `apply` mends them all."""
