"""Pages for those who look after others: accounts, sessions, policy, audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from auth_agent.audit.events import Event
from auth_agent.authz.permissions import Permission
from auth_agent.clock import to_micros
from auth_agent.errors import AgentError, InvalidInputError, NotFoundError
from auth_agent.services import AuditQuery, SessionInfo
from auth_agent.web.actions import audit as audit_actions
from auth_agent.web.actions import system as system_actions
from auth_agent.web.actions.base import perform
from auth_agent.web.actions.registry import ACTIONS
from auth_agent.web.asked import Asked, given_of
from auth_agent.web.kit import Kit
from auth_agent.web.own_pages import OwnPages

PAGE = 50
_P = Permission
_DIGITS = 9


class AdminPages:
    """Handlers; each asks for its own permission."""

    def __init__(self, kit: Kit, own: OwnPages) -> None:
        self.kit = kit
        self.guard = own.guard
        self.services = kit.runtime.services

    async def users(self, asked: Asked) -> Response:
        """List accounts; invite somebody."""
        self.guard(asked, _P.USERS_VIEW)
        query = asked.request.query_params
        search, offset = query.get("search", "")[:100], _number(query.get("offset", ""))
        found = self.services.accounts.list(search=search, limit=PAGE, offset=offset)
        total = self.services.accounts.count(search=search)
        return self.kit.page(
            asked,
            "users.html",
            users=found,
            total=total,
            search=search,
            offset=offset,
            size=PAGE,
            roles=sorted(self.kit.runtime.policy.roles),
        )

    async def user(self, asked: Asked) -> Response:
        """Show one account and what can be done with it."""
        self.guard(asked, _P.USERS_VIEW)
        user = self.services.accounts.get(asked.request.path_params["id"])
        sessions: tuple[SessionInfo, ...] = ()
        if asked.principal.may(_P.SESSIONS_VIEW):
            sessions = self.services.sessions.list_for(user.id)
        return self.kit.page(
            asked,
            "user.html",
            user=user,
            sessions=sessions,
            roles=sorted(self.kit.runtime.policy.roles),
        )

    async def sessions(self, asked: Asked) -> Response:
        """List everybody's logins."""
        self.guard(asked, _P.SESSIONS_VIEW)
        offset = _number(asked.request.query_params.get("offset", ""))
        found = self.services.sessions.list_all(limit=PAGE + 1, offset=offset)
        return self.kit.page(
            asked,
            "sessions.html",
            sessions=found[:PAGE],
            offset=offset,
            size=PAGE,
            more=len(found) > PAGE,
        )

    async def keys(self, asked: Asked) -> Response:
        """List everybody's keys."""
        self.guard(asked, _P.API_KEYS_MANAGE)
        offset = _number(asked.request.query_params.get("offset", ""))
        found = self.services.keys.list_all(limit=PAGE + 1, offset=offset)
        return self.kit.page(
            asked,
            "keys.html",
            keys=found[:PAGE],
            offset=offset,
            size=PAGE,
            more=len(found) > PAGE,
        )

    async def bans(self, asked: Asked) -> Response:
        """List what keeps somebody out now."""
        self.guard(asked, _P.BANS_MANAGE)
        return self.kit.page(asked, "bans.html", bans=self.services.bans.list())

    async def policy(self, asked: Asked) -> Response:
        """Show the rules; explain a request."""
        self.guard(asked, _P.POLICY_VIEW)
        query = asked.request.query_params
        explained, error = None, ""
        if query.get("host"):
            fields = {
                name: [query[name]]
                for name in ("host", "path", "method")
                if query.get(name)
            }
            try:
                given = given_of(system_actions.Asked, fields)
                action = ACTIONS["policy.explain"]
                explained = await perform(
                    self.kit.runtime, asked.principal, action, given
                )
            except AgentError as found:
                error = f"{found.message}; {found.fix}".strip("; ")
        policy = self.kit.runtime.policy
        return self.kit.page(
            asked,
            "policy.html",
            rules=sorted(
                policy.rules.rules, key=lambda rule: (rule.host, rule.prefix, rule.text)
            ),
            roles={name: sorted(granted) for name, granted in policy.roles.items()},
            explained=explained,
            error=error,
            query={
                "host": query.get("host", ""),
                "path": query.get("path", "/"),
                "method": query.get("method", "GET"),
            },
        )

    async def settings(self, asked: Asked) -> Response:
        """Show the settings in effect."""
        self.guard(asked, _P.SETTINGS_VIEW)
        shown = system_actions.flat(self.kit.runtime.config)
        return self.kit.page(asked, "settings.html", settings=shown)

    async def audit(self, asked: Asked) -> Response:
        """Search the log."""
        self.guard(asked, _P.AUDIT_VIEW)
        fields, query = _audit_query(asked)
        entries = await self.services.audit.search(asked.principal.caller, query)
        more = ""
        if len(entries) == query.limit:
            more = urlencode({**fields, "before": str(entries[-1].seq)})
        return self.kit.page(
            asked,
            "audit.html",
            entries=entries,
            fields=fields,
            events=[event.value for event in Event],
            more=more,
            export=urlencode(fields),
        )

    async def export(self, asked: Asked) -> Response:
        """Give the log's lines as a file."""
        _, query = _audit_query(asked)
        action = ACTIONS["audit.export"]
        given = audit_actions.Query(
            since=query.since,
            events=query.events,
            outcome=query.outcome,
            actor=query.actor,
            ip=query.ip,
        )
        lines = await perform(self.kit.runtime, asked.principal, action, given)
        if not isinstance(lines, AsyncIterator):
            raise NotFoundError(kind="export")
        headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
        response = StreamingResponse(lines, 200, headers, "application/x-ndjson")
        return self.kit.renderer.secure(response)

    async def verify(self, asked: Asked) -> Response:
        """Check the whole log, and say what came of it."""
        await self.kit.form(asked)
        verdict = await perform(
            self.kit.runtime,
            asked.principal,
            ACTIONS["audit.verify"],
            audit_actions.Pinned(),
        )
        return self.kit.page(asked, "verified.html", verdict=verdict)

    async def review(self, asked: Asked) -> Response:
        """Sum up what happened since the last review."""
        self.guard(asked, _P.AUDIT_VIEW)
        review = await self.services.audit.review(asked.principal.caller, done=False)
        return self.kit.page(asked, "review.html", review=review)


def _number(text: str) -> int:
    plain = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if plain else 0


def _audit_query(asked: Asked) -> tuple[dict[str, str], AuditQuery]:
    query = asked.request.query_params
    names = ("event", "outcome", "actor", "ip", "since")
    fields = {name: query.get(name, "")[:254] for name in names}
    since = 0
    if fields["since"]:
        try:
            day = datetime.fromisoformat(fields["since"])
        except ValueError as error:
            message = "that is no date"
            fix = "write it as 2030-12-31"
            raise InvalidInputError(message, field="since", fix=fix) from error
        since = max(0, to_micros(day if day.tzinfo else day.replace(tzinfo=UTC)))
    event = fields["event"]
    if event and event not in {one.value for one in Event}:
        message = "there is no such event"
        raise InvalidInputError(message, field="event")
    return fields, AuditQuery(
        since=since,
        events=(event,) if event else (),
        outcome=fields["outcome"],
        actor=fields["actor"],
        ip=fields["ip"],
        before_seq=_number(query.get("before", "")),
        limit=PAGE,
    )
