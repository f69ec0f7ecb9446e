"""The gate: answers `forward_auth`, once for every request to every site.

Flat, because it runs for each image of each page. It writes nothing, waits for
nothing and asks no store. There is one way to a 2xx, from a rule and an identity.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
from hashlib import sha256

from auth_agent.audit.events import ActorKind, Event, Outcome
from auth_agent.audit.record import Actor
from auth_agent.authz.paths import MAX_HOST, Unreadable, clean_host
from auth_agent.authz.policy import Policy
from auth_agent.callers import Caller, Client
from auth_agent.clock import Clock
from auth_agent.ids import random_token
from auth_agent.services import LiveKey, Services
from auth_agent.sessions.assertions import Assertions
from auth_agent.sessions.model import ANONYMOUS, NOBODY_ASSERTED, Login, SiteSession
from auth_agent.web import answers
from auth_agent.web.answers import Answer, is_navigation
from auth_agent.web.cookies import Cookie, find, set_cookie
from auth_agent.web.forwarded import Every, address, at_most_one, one
from auth_agent.web.place import Kind, Place, read
from auth_agent.web.scope import HeaderMap, Scope, client_at, peer
from auth_agent.web.targets import LIFETIME, Target, Targets

_SITE: str = Cookie.SITE.value
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "Bearer "

# Python 3.11 looks a member up in several steps each time.
_KNOWN = Kind.KNOWN

KEPT = 2_048
"""Places that are remembered; a site's pages ask for the same ones again and again."""

KEPT_LENGTH = 512
"""Longest target that is remembered, so that strangers cannot fill the memory."""


class Gate:
    """Decides on requests to the sites.

    *scheme* is `https`, or `http` on one's own machine; *login_url* is the address
    of the login page.
    """

    def __init__(  # noqa: PLR0913 - its parts, each named
        self,
        services: Services,
        policy: Policy,
        *,
        targets: Targets,
        clock: Clock,
        scheme: str,
        login_url: str,
        key_prefix: str,
        assertions: Assertions,
    ) -> None:
        self.assertions = assertions
        self.counts: Counter[int] = Counter()
        self._services = services
        self._sessions = services.sessions
        self._live = services.sessions.by_hash
        self._monotonic = clock.monotonic
        self._targets = targets
        self._scheme = scheme
        self._login_url = login_url
        self._bearer = _BEARER + key_prefix
        self.policy = policy

    @property
    def policy(self) -> Policy:
        """The policy in force; a new one is, from the next request on."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self._asserted = policy.asserted
        # What was read under the old rules is forgotten with them.
        self._remembered = lru_cache(KEPT)(partial(read, policy.rules))

    def verify(self, scope: Scope) -> Answer:
        """Return the answer; whatever goes wrong, it is no 2xx."""
        headers = scope.headers  # granian copies them each time they are asked for
        every = headers.get_all
        try:
            place = self._place(every)
            if "authorization" in headers and (
                (credentials := one(every, "authorization")).startswith(self._bearer)
            ):
                answer = self._by_key(scope, headers, place, credentials)
            else:
                answer = self._by_cookie(scope, headers, place)
        except Unreadable:
            answer = answers.unreadable(headers.get)
        self.counts[answer[0]] += 1
        return answer

    def _place(self, every: Every) -> Place:
        """Return what the proxy says the request is for."""
        try:
            (uri,) = every("x-forwarded-uri")
            (host,) = every("x-forwarded-host")
            (method,) = every("x-forwarded-method")
            (scheme,) = every("x-forwarded-proto")
        except ValueError as error:
            message = "a header of the proxy is not there, or twice"
            raise Unreadable(message) from error
        if scheme != self._scheme:
            message = "the request did not come over the sites' scheme"
            raise Unreadable(message)
        if len(uri) > KEPT_LENGTH or len(host) > MAX_HOST:
            return read(self._policy.rules, host, method, uri)
        return self._remembered(host, method, uri)

    def _by_cookie(self, scope: Scope, headers: HeaderMap, place: Place) -> Answer:
        try:
            token = find(headers.get_all("cookie"), _SITE)
        except Unreadable:
            return answers.bad_cookie(headers.get)
        session = self._session(token, place.host) if token else None
        if session is None or place.kind is not _KNOWN:
            return self._at_the_door(scope, headers, place, session)
        login = session.login
        permissions = login.account.permissions
        for asked in place.asked:
            if asked not in permissions:
                return self._refuse(scope, place, login, "permission", asked)
        # What can be foreign is looked at closely: another method, or a WebSocket.
        if (
            place.method not in _SAFE
            or "upgrade" in headers
            or headers.get("sec-fetch-mode") == "websocket"
        ) and (reason := self._foreign(headers, place)):
            return self._refuse(scope, place, login, reason, place.own)
        if place.host in self._asserted:
            return self._pass(place, session)
        return 200, login.headers, ""

    def _at_the_door(
        self,
        scope: Scope,
        headers: HeaderMap,
        place: Place,
        session: SiteSession | None,
    ) -> Answer:
        """Answer where no permission is asked for, or nobody has come who has any."""
        if place.kind is Kind.NOBODY:
            login = session.login if session else None
            return self._refuse(scope, place, login, "no_rule", "")
        if place.kind is Kind.ANYBODY:
            # A foreign page may ask, as anybody may, but not in somebody's name.
            own = session is not None and not self._foreign(headers, place)
            return self._pass(place, session if own else None)
        return self._unknown(headers, place)

    def _pass(self, place: Place, session: SiteSession | None) -> Answer:
        """Answer yes, with the identity of *session*, or of nobody."""
        host = place.host
        if host not in self._asserted:
            return 200, session.login.headers if session else ANONYMOUS, ""
        if session is None:
            return 200, NOBODY_ASSERTED, ""
        told = self.assertions.told(session.told, session.login.headers, host)
        session.told = told
        return 200, told.headers, ""

    def _session(self, token: str, host: str) -> SiteSession | None:
        """Return the live session behind a site's cookie, and keep it alive."""
        session = self._live.get(sha256(token.encode()).digest())
        if session is None or session.host != host:
            return None
        login = session.login
        now = self._monotonic()
        if (
            now >= login.deadline
            or now >= login.seen + self._sessions.idle
            or login.owes
            or not login.account.active
        ):
            return None
        login.seen = now
        login.dirty = True
        return session

    def _foreign(self, headers: HeaderMap, place: Place) -> str:
        """Return why a request with a cookie cannot be of the site's own pages."""
        get = headers.get
        if place.method not in _SAFE and get("sec-fetch-site") == "cross-site":
            return "cross_site"
        if get("upgrade") or get("sec-fetch-mode") == "websocket":
            origin = at_most_one(headers.get_all, "origin")
            if origin.partition("://")[0] != self._scheme:
                return "origin"
            if clean_host(origin.partition("://")[2]) != place.host:
                return "origin"
        return ""

    def _by_key(
        self, scope: Scope, headers: HeaderMap, place: Place, credentials: str
    ) -> Answer:
        text = credentials[len(_BEARER) :]
        ip = address(headers.get_all, peer(scope.client))
        key = self._services.keys.authenticate(
            text, ip=ip, host=place.host, path=place.path
        )
        if key is None:
            return answers.UNAUTHENTICATED
        if place.kind is Kind.NOBODY:
            return self._refuse_key(scope, place, key, "")
        permissions = key.permissions
        for asked in place.asked:
            if asked not in permissions:
                return self._refuse_key(scope, place, key, asked)
        host = place.host
        if host not in self._asserted:
            return 200, key.headers, ""
        told = self.assertions.told(key.told.get(host), key.headers, host)
        key.told[host] = told
        return 200, told.headers, ""

    def _refuse_key(
        self, scope: Scope, place: Place, key: LiveKey, permission: str
    ) -> Answer:
        self._note(
            _key_caller(key, client_at(scope, place.host)),
            place,
            "permission",
            permission,
        )
        return answers.FORBIDDEN

    def _unknown(self, headers: HeaderMap, place: Place) -> Answer:
        if not is_navigation(headers.get, place.method):
            return answers.UNAUTHENTICATED
        try:
            bind = find(headers.get_all("cookie"), Cookie.BIND)
        except Unreadable:
            bind = ""
        cookies = []
        if not bind:
            bind = random_token()
            cookies = [set_cookie(Cookie.BIND, bind, seconds=LIFETIME)]
        browser = sha256(bind.encode()).hexdigest()
        word = self._targets.sign(Target(place.host, place.uri, browser))
        return answers.see_login(f"{self._login_url}?to={word}", *cookies)

    def _refuse(
        self,
        scope: Scope,
        place: Place,
        login: Login | None,
        reason: str,
        permission: str,
    ) -> Answer:
        if login is not None:
            caller = Caller.of(login, client_at(scope, place.host))
            self._note(caller, place, reason, permission)
        page = is_navigation(scope.headers.get, place.method)
        return answers.FORBIDDEN_PAGE if page else answers.FORBIDDEN

    def _note(self, caller: Caller, place: Place, reason: str, permission: str) -> None:
        self._services.audit.note(
            Event.ACCESS_DENIED,
            Outcome.DENIED,
            caller,
            reason=reason,
            key=f"{caller.actor.id}:{place.host}:{permission}",
            permission=permission,
            method=place.method,
            path=place.path[:200],
        )


def _key_caller(key: LiveKey, client: Client) -> Caller:
    name = dict(key.headers).get("remote-user", "")
    actor = Actor(ActorKind.API_KEY, key.id, name)
    return Caller(actor, client)
