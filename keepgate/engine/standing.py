"""How a host stands beside its settings: commits, reboots, updates, failed units."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from deploys.common.batch import BatchFact
from deploys.common.observe import ask
from deploys.confirm.facts import Commits
from keepgate.engine import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinfra.api.host import Host

    from deploys.common.batch import Output
    from deploys.edge import Target


@dataclass(frozen=True)
class Waiting:
    """What the host waits for; *upgrades* counts packages that can be upgraded."""

    reboot: bool
    reboot_packages: tuple[str, ...]
    upgrades: int
    failed_units: tuple[str, ...]


class WaitingFact(BatchFact[Waiting]):
    """Ask what the host waits for."""

    @override
    def sections(self) -> Mapping[str, str]:
        """Return the reading commands."""
        return {
            "reboot": "test -e /run/reboot-required",
            "packages": "cat /run/reboot-required.pkgs",
            "upgrades": "apt-get -s -o Debug::NoLocking=true dist-upgrade",
            "units": "systemctl list-units --failed --plain --no-legend",
        }

    @override
    def interpret(self, answers: Mapping[str, Output]) -> Waiting:
        """Return the typed answer."""
        installs = [x for x in answers["upgrades"].lines if x.startswith("Inst ")]
        return Waiting(
            reboot=answers["reboot"].ok,
            reboot_packages=tuple(sorted(set(answers["packages"].lines))),
            upgrades=len(installs),
            failed_units=tuple(
                line.split()[0] for line in answers["units"].lines if line.strip()
            ),
        )


def standing(target: Target, host: Host) -> dict[str, Any]:
    """Return, as plain data, how *host* stands."""
    commits, waiting = Commits(), WaitingFact()
    asked = {f"commits/{name}": text for name, text in commits.sections().items()}
    asked |= {f"waiting/{name}": text for name, text in waiting.sections().items()}
    answers = ask(host, asked)

    def own(prefix: str) -> dict[str, Output]:
        return {
            name.removeprefix(prefix): output
            for name, output in answers.items()
            if name.startswith(prefix)
        }

    return {
        "commits": asdict(commits.interpret(own("commits/"))),
        "waiting": asdict(waiting.interpret(own("waiting/"))),
        "last_apply": record.read(target),
    }
