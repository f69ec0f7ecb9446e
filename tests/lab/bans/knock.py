"""Somebody who does not get in at the sites, from wherever this is run.

Called as `knock.py ADDRESS SOURCE WHAT TIMES`: WHAT is `login` (a wrong password at the
login page, with all that a browser sends), `app` (a key that is none) or `look` (the
login page, and no more); SOURCE is the address to come from, `-` for any. Prints the
status of every answer, 0 for none, a line each.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import sys

LOGIN, APP = "auth.example.com", "app.example.com"
_SECONDS = 4.0
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Visit:
    """A connection over TLS; whose certificate it is does not matter here."""

    def __init__(self, address: str, source: str, host: str) -> None:
        self._host = host
        bind = None if source == "-" else (source, 0)
        plain = socket.create_connection((address, 443), _SECONDS, bind)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._wire = http.client.HTTPConnection(host)
        self._wire.sock = context.wrap_socket(plain, server_hostname=host)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> int:
        """Send a request; return the status, and keep what came."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self._wire.request(method, path, body or None, named)
        answer = self._wire.getresponse()
        self.text = answer.read().decode("utf-8", "replace")
        self.cookies = "; ".join(
            one.partition(";")[0] for one in answer.headers.get_all("set-cookie", [])
        )
        return answer.status

    def fail(self) -> int:
        """Try a wrong password."""
        self.ask("GET", "/login")
        found = _CSRF.search(self.text)
        token = found[1] if found else ""
        return self.ask(
            "POST",
            "/login",
            f"csrf={token}&to=&name=nobody&password=a+wrong+password",
            Cookie=self.cookies,
            Origin=f"https://{self._host}",
            Sec_Fetch_Site="same-origin",
            Content_Type="application/x-www-form-urlencoded",
        )


def knock(address: str, source: str, what: str) -> int:
    """Do *what* once; return the last answer's status, 0 if there was none."""
    try:
        visit = Visit(address, source, APP if what == "app" else LOGIN)
        if what == "login":
            return visit.fail()
        if what == "app":
            return visit.ask("GET", "/", Authorization="Bearer kgk_none")
        return visit.ask("GET", "/login")
    except (OSError, http.client.HTTPException):
        return 0


if __name__ == "__main__":
    for _ in range(int(sys.argv[4])):
        sys.stdout.write(f"{knock(*sys.argv[1:4])}\n")
        sys.stdout.flush()
