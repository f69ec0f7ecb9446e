"""What is done to a served host so that a control must say so, by control."""

from __future__ import annotations

from typing import Final

from deploys.caddy.places import ARCHIVE_PINS
from deploys.updates.wanted import APT

_FILE: Final = "/etc/caddy/Caddyfile"
_UNIT: Final = "/etc/systemd/system/caddy.service.d"

_CONFIGURATION: Final = {
    "WEB-02": f"printf '\\nextra.kg.test {{\\n\\ttls internal\\n}}\\n' >>{_FILE}",
    "WEB-11": f"sed -i 's/protocols tls1.2 tls1.3/protocols tls1.2 tls1.2/' {_FILE}",
    "WEB-12": f"sed -i 's/redir https:.*/respond hello/' {_FILE}",
    "WEB-13": f"sed -i '/^\\t\\tforward_auth/,/^\\t\\t}}/d' {_FILE}",
    "WEB-16": r"sed -i '/^\t\tprotocols tls/a ciphers"
    " TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    f" TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA' {_FILE}",
    # No other control looks at curves.
    "WEB-18": r"sed -i '/^\t\tprotocols tls/a curves x25519 secp256r1 secp521r1'"
    f" {_FILE}",
    "WEB-17": f"sed -i 's/protocols h1 h2 h3/protocols h1 h2/' {_FILE}",
    "WEB-14": f"sed -i '/X-Content-Type-Options/d' {_FILE}",
    "WEB-15": f"sed -i 's/respond 421/respond 200/' {_FILE}; systemctl reload caddy",
}
_HOST: Final = {
    "WEB-01": "systemctl --quiet disable caddy",
    "WEB-03": "chmod 0755 /run/caddy",
    "WEB-04": f"printf '[Service]\\nProtectSystem=no\\nPrivateDevices=no\\n"
    "NoNewPrivileges=no\\nSystemCallFilter=\\nRestrictAddressFamilies=\\n"
    f"CapabilityBoundingSet=~\\n' >{_UNIT}/zz.conf; systemctl daemon-reload"
    f"; rm {_UNIT}/zz.conf",
    "WEB-05": "chmod 0755 /var/log/caddy",
    # Another authority than the one that has signed.
    "WEB-10": "cp -p /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
    " /root/root.crt; cat /etc/ssl/certs/ISRG_Root_X1.pem"
    " >/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt",
}

_AGE: Final = {
    # Caddy's own redirect leads wherever a client says.
    "WEB-15": f"sed -i '/auto_https/d; /^http:/,/^}}/d' {_FILE}",
    "WEB-14": f"sed -i 's/max-age=300/max-age=200/' {_FILE}; systemctl reload caddy",
}

THOROUGH: Final = {"WEB-19": f"{_CONFIGURATION['WEB-16']}; systemctl reload caddy"}
"""What `verify --thorough` alone finds: suites that LUCKY13 is known of."""

OF_THE_ARCHIVE: Final = {
    "WEB-06": f"rm {ARCHIVE_PINS}",
    "UPD-18": f"rm {APT}",
}
"""On a host whose Caddy comes from an archive."""

BATCHES: Final = {"configuration": _CONFIGURATION, "host": _HOST, "age": _AGE}
"""Faults that go together, and what makes them."""

CONTROLS: Final = frozenset({*_CONFIGURATION, *_HOST, *THOROUGH, *OF_THE_ARCHIVE})

UNDO: Final = (
    "[ ! -e /root/root.crt ] || mv /root/root.crt"
    " /var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt;"
    " systemctl daemon-reload; systemctl restart caddy"
)
"""Undoes what no `apply` undoes: the authority is not Keepgate's file."""
