"""Sites in an inventory: what is wrong is told with line, key and remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from deploys.settings import Settings
from keepgate.inventory import InventoryError, Problem, load

Write = Callable[[str], Path]
HEAD = """\
hosts:
  web:
    address: 192.0.2.1
    login: debian
    operator: {name: keeper, keys: [operator.pub]}
    caddy:
      email: ops@example.org
      login: {host: auth.example.com}
"""
FIRST = len(HEAD.splitlines()) + 1
"""The line at which a test's own text begins."""


def _problems(write: Write, sites: str) -> list[Problem]:
    path = write(HEAD + textwrap.indent(textwrap.dedent(sites), "    "))
    with pytest.raises(InventoryError) as caught:
        load(path)
    return list(caught.value.problems)


def _settings(write: Write, sites: str) -> Settings:
    path = write(HEAD + textwrap.indent(textwrap.dedent(sites), "    "))
    (host,) = load(path).hosts
    return host.settings


def test_a_site_is_behind_login_by_default(write: Write) -> None:
    """Name and upstream are all that must be said."""
    (site,) = _settings(write, "sites: [{host: a.example.com, upstream: 8000}]").sites

    assert site.is_guarded
    assert ("acme", "app", ()) == (site.tls, site.preset, site.public)


def test_a_misspelt_key_is_named_with_the_nearest(write: Write) -> None:
    """As everywhere: file, line, column, and what was meant."""
    (problem,) = _problems(
        write,
        """\
        sites:
          - host: a.example.com
            upstream: 8000
            allow_form: [192.0.2.0/24]
        """,
    )

    assert problem.at is not None
    assert FIRST + 3 == problem.at.line
    assert "sites[0].allow_form" in problem.key
    assert "did you mean `allow_from`?" == problem.fix


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("host", "https://a.example.com", "without scheme"),
        ("host", "a.example.com:8443", "without scheme, port"),
        ("host", '"*.example.com"', "wildcards are refused"),
        ("host", "A.example.com", "plain form: a.example.com"),
        ("host", "192.0.2.7", "not an address"),
        ("host", "-a.example.com", "no host name"),
        ("assertion", "yes", "must be true or false"),
        ("upstream", "10.0.0.1:80", "is no upstream"),
        ("upstream", "70000", "out of range"),
        ("upstream", "unix:run/app.sock", "is no upstream"),
        ("upstream", "/srv/../etc", "no plain absolute path"),
        ("upstream", "/home/me/www", "sees nothing of /home"),
        ("upstream", "'/srv/{env.HOME}'", "no plain absolute path"),
        ("public", '["/static/*"]', "wildcard"),
        ("public", '["/a/../b"]', "`..` segment"),
        ("public", '["/a//b"]', "empty"),
        ("public", '["/a%2f"]', "read in two ways"),
        ("public", "[static]", "does not begin with /"),
        ("public", "[/static/]", "write /static"),
        ("public", "[/_auth/session]", "belongs to the login pages"),
        ("rules", '{nobody: [["*", /x]]}', "is no permission"),
        ("rules", "{app.view: [[get, /x]]}", "names no methods"),
        ("tls", "off", "behind login, which needs TLS"),
        ("tls", "akme", "did you mean `acme`"),
        ("headers", "{Set-Cookie: a=b}", "not a site's to set"),
        ("headers", '{X-A: "{env.SECRET}"}', "braces"),
        ("headers", '{X-A: "a\\nb"}', "printable ASCII"),
        ("headers", '{"X A": b}', "is no name of a header"),
        ("allow_from", "[192.0.2.1/24]", "host bits"),
        ("proxied_by", "cloudflair", "cloudflare"),
        ("proxied_by", "[]", "must not be empty"),
        ("max_body", "0", "at least 1"),
        ("preset", "none", "would refuse everything"),
    ],
)
def test_a_bad_value_is_explained(
    write: Write, key: str, value: str, told: str
) -> None:
    """The message says what is meant, at the key or at the site that it spoils."""
    site = {"host": "a.example.com", "upstream": "8000"} | {key: value}
    lines = "".join(f"    {name}: {text}\n" for name, text in site.items())
    problems = _problems(write, f"sites:\n  -\n{lines}")

    assert any(told in f"{p.what} {p.fix}" for p in problems), problems
    assert all(p.at and p.at.line >= FIRST for p in problems), problems


@pytest.mark.parametrize(
    ("sites", "caddy", "told"),
    [
        ("[{host: a.lan, upstream: 8000}]", "", "a.lan is a private name"),
        ("[{host: box, upstream: 8000}]", "", "box is a private name"),
        (
            "[{host: a.example.com, upstream: 1}, {host: a.example.com, upstream: 2}]",
            "",
            "a.example.com stands there twice",
        ),
        ("[{host: a.example.com, upstream: 1}]", "{email: o@example.org}", "no login"),
        (
            "[{host: a.example.com, upstream: 1}]",
            "{login: {host: auth.example.com}}",
            "set caddy.email",
        ),
        (
            "[{host: a.example.com, upstream: 1}]",
            "{email: ops at example, login: {host: auth.example.com}}",
            "is no e-mail address",
        ),
        (
            "[{host: a.example.com, upstream: 1, tls: internal}]",
            "{email: o@example.org, login: {host: a.example.com}}",
            "caddy.login.tls must be the same",
        ),
        (
            (
                "[{host: a.example.com, upstream: 1, proxied_by: cloudflare},"
                " {host: b.example.com, upstream: 1, proxied_by: [192.0.2.0/24]}]"
            ),
            "",
            "different proxies",
        ),
        (
            (
                "[{host: a.example.com, upstream: 9000, port: 9000, tls: off,"
                " preset: none, public: [/]}]"
            ),
            "",
            "its own upstream",
        ),
    ],
)
def test_sites_that_cannot_be_served_are_refused(
    write: Write, sites: str, caddy: str, told: str
) -> None:
    """Each for its own reason, before any host is touched."""
    text = HEAD
    if caddy:
        text = text[: text.index("    caddy:")] + f"    caddy: {caddy}\n"
    path = write(f"{text}    sites: {sites}\n")

    with pytest.raises(InventoryError) as caught:
        load(path)

    assert told in str(caught.value)


def test_an_own_authority_may_certify_private_names(write: Write) -> None:
    """ACME for a private name is impossible with public authorities only."""
    acme = "{directory: https://ca.lan/dir, root: /etc/ssl/ca.pem}"
    text = HEAD.replace("    caddy:\n", f"    caddy:\n      acme: {acme}\n")
    path = write(f"{text}    sites: [{{host: a.lan, upstream: 8000}}]\n")

    (host,) = load(path).hosts

    assert "https://ca.lan/dir" == host.settings.caddy.acme.directory


def test_a_host_replaces_the_sites_of_its_defaults(write: Write) -> None:
    """Lists are replaced as a whole, as everywhere."""
    shared = "defaults:\n  sites: [{host: b.example.com, upstream: 1}]\n"
    path = write(f"{shared}{HEAD}    sites: [{{host: a.example.com, upstream: 2}}]\n")

    (host,) = load(path).hosts

    assert ["a.example.com"] == [site.host for site in host.settings.sites]
