"""The demo from a stock host to a guarded app, once, as a user runs it to keep it."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keepgate import lab
from keepgate.demo.visitor import Visitor
from tests.lab.agent_remote.conftest import on_terminal
from tests.lab.commands.conftest import Outcome, keepgate
from tests.unit.demo.webp import size

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("demo")]

NAME = "demo"
VISIT = ["certificates", "first", "factor", "login", "second", "app"]
ATTACKS = [
    *("forged", "forged-public", "forged-inside", "made-up-cookie"),
    *("guesses", "ended-cookie"),
]


@dataclass(frozen=True)
class Shown:
    """What the demo said and wrote, and the host that it left."""

    done: Outcome
    folder: Path

    @property
    def story(self) -> dict[str, Any]:
        """What `--json` has of it."""
        found: dict[str, Any] = self.done.document["story"]
        return found

    def next(self, what: str) -> str:
        """Return how the demo says that *what* is done."""
        (how,) = [o["how"] for o in self.done.document["next"] if o["what"] == what]
        return str(how)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The one run; it ends the host of an earlier one by itself."""
    folder = tmp_path_factory.mktemp("demo") / "report"
    try:
        words = ("demo", "--keep", "--json", "--report", folder)
        done = keepgate(*words, seconds=560)
        if done.code:
            pytest.fail(f"the demo ended with {done.code}: {done.out}\n{done.err}")
        yield Shown(done, folder)
    finally:
        lab.down([host.name for host in lab.listing() if host.name == NAME])


def test_it_goes_from_a_stock_host_to_one_where_all_holds(shown: Shown) -> None:
    """Much does not hold before; all does afterwards, and nothing is left to do."""
    told = shown.done.document
    steps = [step["name"] for step in told["steps"]]

    assert told["before"]["failed"] > told["before"]["passed"] // 2
    assert (0, 0) == (told["after"]["failed"], told["runs"]["apply again"]["changes"])
    assert ["boot a stock Debian 13 host", "verify before"] == steps[:2]
    assert all(step["seconds"] >= 0 for step in told["steps"])


def test_the_app_knows_who_came_and_attacks_come_to_nothing(shown: Shown) -> None:
    """Every scene was played, and holds."""
    story = shown.story

    assert "ada (Ada Lovelace), admin, by password and totp" == story["who"]
    assert VISIT == [scene["id"] for scene in story["visit"]]
    assert ATTACKS == [scene["id"] for scene in story["attacks"]]
    wrong = [s for s in story["visit"] + story["attacks"] if not s["holds"]]
    assert [] == wrong
    (guesses,) = [s["seen"] for s in story["attacks"] if s["id"] == "guesses"]
    assert re.search(
        r"\d+ guesses refused \(\d+ with 401.*banned and shut out", guesses
    )


def test_the_report_has_the_pictures_in_itself(shown: Shown) -> None:
    """Five pages in light and dark, each as large as it says."""
    page = (shown.folder / "report.html").read_text()
    held = [
        base64.b64decode(t) for t in re.findall(r"image/webp;base64,([^\"]+)", page)
    ]
    wide = re.findall(r'<img [^>]*width="(\d+)" height="(\d+)"', page)

    assert "5 pictures" == shown.story["pictures"]
    assert 10 == len(set(held))
    each = [(2 * int(w), 2 * int(h)) for w, h in wide for _ in ("dark", "light")]
    assert each == [size(one) for one in held]


def test_no_secret_is_told(shown: Shown) -> None:
    """Neither link nor cookie nor a secret for codes is in what was said or written."""
    written = [path.read_text() for path in sorted(shown.folder.iterdir())]
    said = "\n".join([shown.done.out, shown.done.err, *written])
    # Pictures are long words of any letters.
    said = re.sub(r"data:image/webp;base64,[^\"]+", "", said)

    assert [] == re.findall(r"/link/[a-z-]+/[^…\s]{8,}", said)
    assert [] == re.findall(r"__Host-auth-[a-z]+=[^;\s]{8,}", said)
    assert [] == re.findall(r"otpauth:|\b[A-Z2-7]{32}\b|[?&]code=", said)


def test_the_host_that_stays_is_the_users(shown: Shown) -> None:
    """By the authority beside the report, to a login that nobody has yet."""
    (host,) = [one for one in lab.listing() if one.name == NAME]
    root = Path(shown.next("have the browser trust its authority")).read_text()
    app = shown.next("the app")
    page = Visitor(host.address4, root)
    words = shown.next("a first login").split()
    first = on_terminal([sys.executable, "-P", "-m", *("keepgate", *words[-3:])])

    assert f"'{host.address4} whoami.demo.test login.demo.test'" in shown.next(
        "have its names lead there"
    )
    assert "Sign in" in page.follow(page.ask(app)).text
    assert 0 == first.code, first.screen
    assert "https://login.demo.test/link/first-admin/" in first.screen
