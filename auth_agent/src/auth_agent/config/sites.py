"""What may be wrong with one site: its host, its preset, each of its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth_agent.authz.paths import Unreadable, clean_host, clean_method, clean_path
from auth_agent.authz.permissions import Permission
from auth_agent.authz.policy import site_rules
from auth_agent.authz.presets import load_preset, preset_names
from auth_agent.authz.rules import AUTHENTICATED, PUBLIC, RuleSet
from auth_agent.config.problems import Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auth_agent.config.model import Site


def host_problems(key: str, host: str) -> Iterator[Problem]:
    """Give what keeps *host* from being a site's name."""
    try:
        plain = clean_host(host)
    except Unreadable as error:
        yield Problem(key, str(error), "give a name like auth.example.com")
        return
    if plain != host:
        yield Problem(key, "it is not in its plain form", f'write "{plain}"')
    elif host.replace(".", "").isdigit():
        yield Problem(key, "it is an address, not a name", "give the site's name")


def site_problems(key: str, site: Site) -> Iterator[Problem]:
    """Give everything in *site* that cannot work by itself."""
    yield from (bad := list(host_problems(f"{key}.host", site.host)))
    if site.preset not in {*preset_names(), "none"}:
        fix = nearest(site.preset, (*preset_names(), "none"))
        yield Problem(f"{key}.preset", "there is no such preset", fix)
        return
    known = _known(site)
    for name in site.rules:
        if name not in known:
            fix = nearest(name, known)
            yield Problem(f"{key}.rules", f"no permission is called {name}", fix)
    yield from (odd := list(_places(key, site)))
    if bad or odd:
        return
    try:
        RuleSet(site_rules(site))
    except ValueError as error:
        yield Problem(f"{key}.rules", str(error), "leave one of them out")
    if not site.rules and site.preset == "none" and not site.public:
        fix = "give rules, or a preset"
        yield Problem(f"{key}.preset", "nothing would be allowed", fix)


def _places(key: str, site: Site) -> Iterator[Problem]:
    for path in site.public:
        yield from _path(f"{key}.public", path)
    for name, places in site.rules.items():
        for methods, path in places:
            yield from _path(f'{key}.rules."{name}"', path)
            yield from _methods(f'{key}.rules."{name}"', methods)


def _path(key: str, path: str) -> Iterator[Problem]:
    if not path.startswith("/"):
        yield Problem(key, f"{path!r} is no path", f'begin it with a slash: "/{path}"')
        return
    if "*" in path:
        fix = f'write "{path.partition("*")[0].rstrip("/") or "/"}"'
        message = f"{path!r} has a *, and paths are no patterns: all below is meant"
        yield Problem(key, message, fix)
        return
    try:
        plain = clean_path(path)
    except Unreadable as error:
        yield Problem(key, f"{path!r}: {error}", "write it plainly, like /reports")
        return
    plain = plain.rstrip("/") or "/"
    if plain != path:
        yield Problem(key, f"{path!r} is not in its plain form", f'write "{plain}"')


def _methods(key: str, methods: str) -> Iterator[Problem]:
    try:
        for word in methods.split():
            if methods != "*":
                clean_method(word)
    except Unreadable:
        fix = f'write "{methods.upper()}"' if methods.isalpha() else 'write "GET POST"'
        message = f"{methods!r} are no methods in capital letters"
        yield Problem(key, message, f'{fix}, or "*" for every method')
    if not methods.split():
        yield Problem(key, "a rule names no method", 'write "*" for every method')


def _known(site: Site) -> frozenset[str]:
    preset = () if site.preset == "none" else load_preset(site.preset).permissions
    given = {*(one.value for one in Permission), *preset}
    # A site may ask for permissions of its own, spelt area.action. In an area that is
    # there, one that is not is a slip: only administrators would have it.
    areas = {name.partition(".")[0] for name in given}
    own = {name for name in site.rules if _is_name(name, areas)}
    return frozenset({*given, *own, PUBLIC, AUTHENTICATED})


def _is_name(name: str, taken: Collection[str]) -> bool:
    area, dot, action = name.partition(".")
    if area in taken:
        return False
    return bool(dot) and all(
        word.isascii() and word.replace("_", "").isalnum() for word in (area, action)
    )
