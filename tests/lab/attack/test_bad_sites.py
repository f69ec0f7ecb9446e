"""Sites that cannot be: each is told in clear words, and what was served is served on.

What the file itself says wrong is refused before any host is asked
(tests/unit/inventory); here is what only the host can tell.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.agent.caddy.front import marker
from tests.agent.web.browser import SITE

if TYPE_CHECKING:
    from tests.agent.web.browser import Member
    from tests.lab.attack.besieged import Besieged

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("siege")]

_MANAGED: Final = "sha256sum /etc/caddy/Caddyfile /etc/auth-agent/auth-agent.toml"
BAD: Final[dict[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "an upstream that is down": (
        {"host": "down.example.com", "upstream": 9, "tls": "internal"},
        ("down.example.com: nothing listens on port 9", "start the app"),
    ),
    "a folder that is none": (
        {"host": "none.example.com", "upstream": "/srv/none", "tls": "internal"},
        ("there is no folder /srv/none", "make the folder"),
    ),
    "a name that does not resolve": (
        {"host": "nowhere.kg-siege.org", "upstream": "/srv"},
        ("nowhere.kg-siege.org does not resolve", "record with this host's address"),
    ),
    "a rule for an unknown permission": (
        {
            "host": "rule.example.com",
            "upstream": "/srv",
            "tls": "internal",
            "rules": {"app.veiw": [["*", "/x"]]},
        },
        ("no permission is called app.veiw", "did you mean app.view?"),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_site_that_cannot_be_changes_nothing(
    besieged: Besieged, admin: Member, what: str
) -> None:
    """Clear words, exit status 1, and the configuration that worked works on."""
    site, told = BAD[what]
    before = besieged.sh(_MANAGED)
    done = besieged.keepgate("apply", more=[site])

    assert done.code in {1, 2}, done.out
    said = json.dumps(done.document, ensure_ascii=False)
    for words in told:
        assert words in said
    assert before == besieged.sh(_MANAGED)
    word = marker()
    admin.browser.ask("GET", SITE, "/", headers={"X-Marker": word})
    (seen,) = besieged.front.echo.of(word)
    assert seen.value("remote-user") == "ada"
