"""The topic `agent` on real hosts: applied, repeated, upgraded, broken, drifted."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.agent.accounts.mailserver import PASSWORD as MAIL_PASSWORD
from tests.agent.caddy.front import visit
from tests.agent.web.browser import PASSWORD, SITE
from tests.lab.agent.conftest import told, who
from tests.lab.waiting import eventually

if TYPE_CHECKING:
    from tests.agent.web.browser import Browser, Page
    from tests.lab.agent.conftest import Guarded

pytestmark = pytest.mark.lab

AGENT = "auth-agent.service"


def _bytes(word: str) -> bytes:
    return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))


def _unchanged(on: Guarded) -> None:
    done = on.apply()
    assert 0 == done.only["changes"], told(done)


def _log_in(on: Guarded, browser: Browser, path: str) -> Page:
    """Come to *path* of the site, log in on the way, and return what is there."""
    asked = visit(browser, path)
    assert asked.status == 200
    given = {"name": "ada", "password": PASSWORD}
    second = browser.follow(browser.post("/login", {**asked.fields, **given}))
    code = {"kind": "totp", "code": on.ada.code()}
    return browser.follow(browser.post("/second", {**second.fields, **code}))


def _leads_to_login(on: Guarded) -> bool:
    """Whether a browser that nobody knows is sent to the login pages."""
    return 'name="password"' in visit(on.browser(), "/x").text


def test_a_second_run_changes_nothing(either: Guarded) -> None:
    """And asks no more than once."""
    done = either.apply()

    assert 0 == done.only["changes"], told(done)
    assert 1 == sum(phase["channels"] for phase in done.only["phases"])
    assert "first-admin" not in told(done)


def test_login_leads_to_the_app_which_knows_who_came(either: Guarded) -> None:
    """By password and second factor, over TLS, back to where one wanted to go."""
    browser = either.browser()
    page = _log_in(either, browser, "/deep/link?week=7")

    assert "ada" == who(page)
    assert "/deep/link?week=7" == json.loads(page.text)["path"]
    assert _leads_to_login(either)


def test_the_app_is_told_by_a_signed_word(either: Guarded) -> None:
    """Where its site asks for that; the key is there for everybody."""
    page = either.known().get("/x", SITE)
    sent = {name.lower(): value for name, value in json.loads(page.text)["headers"]}
    published = either.browser().get("/_auth/jwks.json", SITE)
    [key] = json.loads(published.text)["keys"]

    text, _, signature = sent["remote-assertion"].rpartition(".")
    public = Ed25519PublicKey.from_public_bytes(_bytes(key["x"]))
    public.verify(_bytes(signature), text.encode())
    claims = json.loads(_bytes(text.split(".")[1]))
    assert ("ada", SITE) == (claims["user"], claims["aud"])


def test_mail_goes_out_of_an_agent_without_a_network(either: Guarded) -> None:
    """By a socket that leads to the one server; its password is nowhere to be seen."""
    asked = either.browser().submit("/forgot", "/forgot", name="ada")
    either.mail.wait_for("a link for a new password")

    assert "on its way" in asked.text
    assert "600 root:root" == either.sh(
        "stat -c '%a %U:%G' /etc/auth-agent/mail-password"
    )
    # The file itself is the pattern, so that no command line of ours has it.
    assert "" == either.sh(
        "grep -rlFf /etc/auth-agent/mail-password /etc/systemd /run/systemd"
        " /run/keepgate /var/log /var/lib/keepgate /proc/[0-9]*/cmdline"
        " /proc/[0-9]*/environ 2>/dev/null",
        check=False,
    )


def test_another_mail_password_is_handed_over(either: Guarded) -> None:
    """Plan and report name the file alone; the agent is started with the new one."""
    either.password.write_text("not the right one")
    try:
        wrong = either.apply()
        used = "/run/credentials/auth-agent.service/mail-password"
        handed = either.sh(f"cat {used}")
    finally:
        either.password.write_text(MAIL_PASSWORD)
    right = either.apply()

    assert "not the right one" == handed
    assert "put /etc/auth-agent/mail-password" in told(wrong)
    for done in (wrong, right):
        assert "not the right one" not in f"{done.out}{done.err}"
        assert MAIL_PASSWORD not in f"{done.out}{done.err}"
    _unchanged(either)
    assert "" == either.sh("ls /var/lib/keepgate/agent | grep password", check=False)


def test_the_log_can_only_grow(either: Guarded) -> None:
    """Not even its owner changes or removes it; what is old enough may go."""
    audit = "/var/lib/auth-agent/audit"
    log, old = f"{audit}/000001.jsonl", f"{audit}/000000.jsonl"
    either.sh(f"touch -d '401 days ago' {old}; chown auth-agent: {old}")
    either.sh("systemctl start auth-agent-seal")
    as_agent = "setpriv --reuid=auth-agent --regid=auth-agent --clear-groups"
    harm = (f"rm -f {log}", f"mv {log} {log}.x", f"truncate -s 0 {log}")
    kept = [either.sh(f"{as_agent} {one} 2>&1 || :", check=False) for one in harm]
    knows = either.sh(
        "cd /; /opt/auth-agent/current/bin/python -I -c 'from pathlib import Path;"
        " from auth_agent.audit.segments import is_append_only as told;"
        f' print(told(Path("{log}")), told(Path("{old}")))\''
    )
    either.sh(f"{as_agent} rm {old}")

    assert 3 == sum("Operation not permitted" in one for one in kept), kept
    assert "True False" == knows
    assert "faults: -" in either.sh("auth-agent audit verify")


def test_who_hashes_passwords_steps_back(either: Guarded) -> None:
    """The thread that answers goes first (nice(2)), confined as the agent is."""
    either.browser().submit("/login", "/login", to="", name="nobody", password=PASSWORD)
    pid = either.sh(f"systemctl show -P MainPID {AGENT}")
    nice = either.sh(f"ps -L -o ni= -p {pid}").split()

    assert {"0", "10"} == set(nice)


def test_without_the_agent_nobody_gets_in(either: Guarded) -> None:
    """It fails closed; a killed agent comes back by itself, its sessions with it."""
    browser = either.known()
    either.sh(f"systemctl stop {AGENT}")
    try:
        refused = browser.get("/x", SITE).status
    finally:
        either.sh(f"systemctl start {AGENT}")
    either.sh(f"systemctl kill -s KILL {AGENT}")
    eventually(lambda: browser.get("/x", SITE).status == 200, "the agent is back")

    assert 502 == refused
    assert "ada" == who(browser.get("/x", SITE))


def test_it_is_confined_and_its_files_are_closed(either: Guarded) -> None:
    """No shell, no network, a secret for root alone, state for itself alone."""
    score = either.sh(f"systemd-analyze security {AGENT} | tail -n 1")
    paths = "/etc/auth-agent/secret /var/lib/auth-agent /var/lib/auth-agent/audit"
    paths += " /var/lib/auth-agent/agent.db /run/auth-agent/gate"
    paths += " /run/auth-agent/gate/agent.sock /run/auth-agent/control.sock"

    assert float(score.split(":")[1].split()[0]) <= 1.5
    assert "/usr/sbin/nologin" in either.sh("getent passwd auth-agent")
    assert [
        "600 root:root",
        *["700 auth-agent:auth-agent"] * 2,
        "600 auth-agent:auth-agent",
        "750 auth-agent:auth-agent",
        "660 auth-agent:auth-agent",
        "600 auth-agent:auth-agent",
    ] == either.sh(f"stat -c '%a %U:%G' {paths}").splitlines()
    assert "" == either.sh("find /opt/auth-agent ! -user root -o -perm /0022 ! -type l")
    assert "" == either.sh(
        "journalctl -o cat | grep -c /link/first-admin/ | grep -v 0", check=False
    )


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (f"systemctl stop {AGENT}", "it does not run"),
        (f"systemctl disable {AGENT}", f"enable {AGENT}"),
        ("chmod 0640 /etc/auth-agent/secret", "for root alone"),
        ("systemctl stop auth-agent-mail.socket", "mail server is shut"),
        ("echo >>/etc/auth-agent/auth-agent.toml", "auth-agent.toml"),
        ("gpasswd --delete caddy auth-agent", "into the agent's group"),
        ("rm -f /opt/auth-agent/*/keepgate-complete", "install the agent"),
    ],
)
def test_drift_is_seen_and_mended(either: Guarded, harm: str, why: str) -> None:
    """By what runs, not by what was written once."""
    either.sh(harm)

    seen = either.run("plan")
    either.apply()

    assert why in told(seen)
    _unchanged(either)
    assert _leads_to_login(either)
