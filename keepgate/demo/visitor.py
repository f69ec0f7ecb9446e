"""A browser without a screen: HTTP over checked TLS, cookies, forms, redirects."""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urljoin, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typing_extensions import override

from deploys.common.errors import KeepgateError

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT: Final = 443
SECONDS: Final = 20.0
"""For each request; a host that computes a password's hash may be busy."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 8


class StoryError(KeepgateError):
    """Something did not come about that the demo wanted to show."""


class UntrustedError(StoryError):
    """Whoever answers is not who the name says, or nobody vouches for them."""


@dataclass(frozen=True)
class Form:
    """A form of a page: where it is sent, and what it brings along by itself."""

    action: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What came back for *url*."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    text: str

    def header(self, name: str) -> str:
        """Return the first header of that name in small letters, empty without it."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def leads_to(self) -> str:
        """Where it sends a browser, as a whole address; empty if nowhere."""
        place = self.header("location") if self.status in _REDIRECTS else ""
        return urljoin(self.url, place) if place else ""

    def form(self, path: str) -> Form:
        """Return the form that is sent to *path*, or below it.

        Raises:
            StoryError: the page has no such form.
        """
        page = _Forms()
        page.feed(self.text)
        for form in page.found:
            if urlsplit(form.action).path.startswith(path):
                return form
        message = f"{self.shown} ({self.status}) has no form for {path}"
        raise StoryError(message, "see the agent's journal on the host")

    @property
    def shown(self) -> str:
        """The address without what may be a secret: no query, no link's token."""
        return shown(self.url)


@dataclass
class Visitor:
    """Somebody at the sites of *address*, with cookies of their own.

    Trusts *authority* alone (PEM; empty for those that this machine trusts). Names are
    not looked up. An answer must begin, and go on, within *seconds*.
    """

    address: str
    authority: str
    seconds: float = SECONDS
    port: int = PORT
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(
        self,
        url: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request as a browser does: GET, or with *fields* a form's POST.

        Raises:
            StoryError: the certificate is not good, or no answer came.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        sent = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
        jar = self.cookies.setdefault(host, {})
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={text}" for name, text in jar.items())
        if fields is not None:
            sent["Origin"] = f"https://{host}"
            sent["Sec-Fetch-Site"] = "same-origin"
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent |= headers or {}
        body = None if fields is None else urlencode(fields)
        connection = _Connection(self, host)
        try:
            connection.request("GET" if body is None else "POST", target, body, sent)
            answer = connection.getresponse()
            pairs = tuple((name.lower(), text) for name, text in answer.getheaders())
            text = answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            message = f"{shown(url)} gives no answer: {error}"
            raise StoryError(message, "see Caddy's journal on the host") from error
        finally:
            connection.close()
        _keep(jar, [value for name, value in pairs if name == "set-cookie"])
        return Answer(url, answer.status, pairs, text)

    def submit(self, page: Answer, path: str, **fields: str) -> Answer:
        """Send the form of *page* that goes to *path*, filled in with *fields*."""
        form = page.form(path)
        return self.ask(
            urljoin(page.url, form.action), fields={**form.fields, **fields}
        )

    def follow(self, answer: Answer) -> Answer:
        """Return the page that *answer* leads to, however often it goes on.

        Raises:
            StoryError: it goes on without end.
        """
        for _ in range(_MOST_REDIRECTS):
            if not answer.leads_to:
                return answer
            answer = self.ask(answer.leads_to)
        message = f"{answer.shown} leads from page to page without end"
        raise StoryError(message, "see the agent's journal on the host")

    def key(self, host: str) -> str:
        """Return whose key *host* has: SHA-256, in base64 (RFC 7469, section 2.4).

        Raises:
            UntrustedError: its certificate is not good.
            StoryError: there is no answer.
        """
        connection = _Connection(self, host)
        try:
            connection.connect()
            told = connection.certificate
        except ssl.SSLCertVerificationError as error:
            message = f"https://{host}: {error.verify_message}"
            raise UntrustedError(message, "see Caddy's journal on the host") from error
        except OSError as error:
            message = f"https://{host} does not answer: {error}"
            raise StoryError(message, "see Caddy's journal on the host") from error
        finally:
            connection.close()
        key = x509.load_der_x509_certificate(told).public_key()
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(sha256(key.public_bytes(*form)).digest()).decode()


def shown(url: str) -> str:
    """Return *url* without what may be a secret in it."""
    parts = urlsplit(url)
    first = parts.path.split("/")[1:3]
    path = "/".join(["", *first, "…"]) if first[:1] == ["link"] else parts.path
    return f"{parts.scheme}://{parts.netloc}{path}"


def _keep(jar: dict[str, str], told: list[str]) -> None:
    """Take what *told* (the headers Set-Cookie) says into *jar*."""
    for line in told:
        pair, _, attributes = line.partition(";")
        name, _, text = pair.strip().partition("=")
        jar[name] = text
        if "max-age=0" in attributes.lower().replace(" ", "").split(";"):
            del jar[name]


class _Connection(HTTPSConnection):
    """TLS to where *visitor* goes, with the check that it is who the name says."""

    def __init__(self, visitor: Visitor, name: str) -> None:
        trust = ssl.create_default_context(cadata=visitor.authority or None)
        super().__init__(name, timeout=visitor.seconds, context=trust)
        self._visitor, self._trust = visitor, trust
        self.certificate = b""

    @override
    def connect(self) -> None:
        where = self._visitor.address, self._visitor.port
        plain = socket.create_connection(where, self._visitor.seconds)
        try:
            secure = self._trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        self.sock = secure
        self.certificate = secure.getpeercert(binary_form=True) or b""


class _Forms(HTMLParser):
    """Collects the forms of a page, with the values that they have already."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._fields: dict[str, str] = {}

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            self.found.append(Form(said.get("action", ""), self._fields))
        elif tag == "input" and said.get("name"):
            self._fields[said["name"]] = said.get("value", "")
