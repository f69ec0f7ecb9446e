"""Asking many topics in one command, and remembering the answers for a moment.

A run asks for everything once, in its preflight. A later step uses that answer
again if it is young and nothing was changed since by this run: what anybody else
changes in between could as well be changed right after a second look, so asking
again would guarantee nothing more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from pyinfra.api.exceptions import FactProcessError

from deploys.common import batch, remote
from deploys.common.errors import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyinfra.api.host import Host

    from deploys.common.changes import Plan
    from deploys.common.topic import Topic
    from deploys.settings import Settings

FRESH: Final = 60.0
"""Seconds for which an answer may be used again."""

PATIENCE: Final = 120
"""Seconds that a host gets to answer; one that is just booting takes its time."""

_BEGIN: Final = "keepgate-answers"


@dataclass
class _Memory:
    plans: dict[str, Plan]
    since: float
    settings: Settings


_memories: WeakKeyDictionary[Host, _Memory] = WeakKeyDictionary()


def ask(host: Host, sections: Mapping[str, str]) -> dict[str, batch.Output]:
    """Run a command per section as root, all in one go, and return the answers.

    A section is called `TOPIC/NAME`; topics are asked side by side, the sections of
    one in their order.

    Raises:
        KeepgateError: see `deploys.common.remote.run`, or an answer is missing.
    """
    begin = f"printf '%s\\n' {_BEGIN}\n"
    topics: dict[str, dict[str, str]] = {}
    for name, command in sections.items():
        topics.setdefault(name.partition("/")[0], {})[name] = command
    text = remote.whole(begin + batch.render_together(list(topics.values())))
    reply = remote.run(host, text, seconds=PATIENCE)
    if _BEGIN not in reply.lines:
        said = " ".join((*reply.lines, *reply.errors)) or "nothing"
        message = f"the host cannot be asked; it says: {said[:300]}"
        raise NoAnswer(message, "log in by hand and look")
    # What stands before comes from a start file of the login's shell.
    lines = reply.lines[reply.lines.index(_BEGIN) + 1 :]
    try:
        answers = batch.parse(lines)
    except FactProcessError as error:
        raise NoAnswer(str(error), "run again") from error
    missing = [name for name in sections if name not in answers]
    if missing:
        message = f"the host's answer lacks {', '.join(missing)}"
        raise NoAnswer(message, "run again")
    return answers


def look(host: Host, topics: Sequence[Topic], settings: Settings) -> tuple[Plan, ...]:
    """Observe *topics* in one command and return what each would change.

    Nothing is remembered and nothing is changed.

    Raises:
        KeepgateError: the host does not answer, or not in a way that is understood.
    """
    facts = {topic.name: _bound(topic, settings) for topic in topics}
    answers = ask(
        host,
        {
            f"{topic}/{section}": command
            for topic, fact in facts.items()
            for section, command in fact.sections().items()
        },
    )
    return tuple(_plan(topic, facts[topic.name], answers, settings) for topic in topics)


def survey(host: Host, topics: Sequence[Topic], settings: Settings) -> tuple[Plan, ...]:
    """Do as `look` and remember the plans for `plan_of`."""
    forget(host)
    began = time.monotonic()
    plans = look(host, topics, settings)
    _memories[host] = _Memory({plan.topic: plan for plan in plans}, began, settings)
    return plans


def plan_of(host: Host, topic: Topic, settings: Settings) -> Plan:
    """Return what *topic* would change now, asking only if it is not known.

    Raises:
        KeepgateError: see `look`.
    """
    memory = _memories.get(host)
    if (
        memory is not None
        and time.monotonic() - memory.since < FRESH
        and memory.settings == settings
        and topic.name in memory.plans
    ):
        return memory.plans[topic.name]
    return look(host, [topic], settings)[0]


def forget(host: Host) -> None:
    """Make the next `plan_of` look again: *host* is about to be changed."""
    _memories.pop(host, None)


def _bound(topic: Topic, settings: Settings) -> batch.BatchFact[Any]:
    """Return the topic's fact, which keeps the arguments that `command` got."""
    fact = topic.fact()
    fact.command(**topic.arguments(settings))
    return fact


def _plan(
    topic: Topic,
    fact: batch.BatchFact[Any],
    answers: Mapping[str, batch.Output],
    settings: Settings,
) -> Plan:
    own = dict(_own(topic.name, answers.items()))
    try:
        return topic.plan(settings, fact.interpret(own))
    except FactProcessError as error:
        message = f"{topic.name}: {error}"
        raise NoAnswer(message, "run again; if it stays, please report it") from error


def _own(
    topic: str, answers: Iterable[tuple[str, batch.Output]]
) -> Iterable[tuple[str, batch.Output]]:
    for name, output in answers:
        owner, _, section = name.partition("/")
        if owner == topic:
            yield section, output
