"""Which security updates wait: the same ones that apt itself lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploys.updates.facts import PENDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.bans.conftest import Keeper

pytestmark = pytest.mark.lab

BOTH = pytest.mark.parametrize(
    "keeper",
    [
        pytest.param("trixie", marks=pytest.mark.xdist_group("bans-trixie")),
        pytest.param("bookworm", marks=pytest.mark.xdist_group("bans-bookworm")),
    ],
    indirect=True,
)
WAITING = ("both", "epoch", "g++2.x", "plain")
APT = (
    "LC_ALL=C apt list --upgradable 2>/dev/null"
    " | sed -nE 's#^(kgt-[^/ ]+)/[^ ]*-security[, ].*#\\1#p' | sort"
)
_REPOSITORIES = r"""
set -eu
mkdir -p /srv/kgt/old /srv/kgt/security /srv/kgt/other
deb() {  # FOLDER NAME VERSION
  mkdir -p "/srv/kgt/new/DEBIAN"
  printf 'Package: kgt-%s\nVersion: %s\nArchitecture: all\n' "$2" "$3" \
    >/srv/kgt/new/DEBIAN/control
  printf 'Maintainer: T <t@example.org>\nDescription: t\n' \
    >>/srv/kgt/new/DEBIAN/control
  dpkg-deb -b /srv/kgt/new "/srv/kgt/$1/kgt-$2.deb" >/dev/null
}
index() {  # FOLDER SUITE
  cd "/srv/kgt/$1"
  for file in *.deb; do
    dpkg-deb -f "$file"
    printf 'Filename: ./%s\nSize: %s\n' "$file" "$(stat -c %s "$file")"
    printf 'SHA256: %s\n\n' "$(sha256sum "$file" | cut -d' ' -f1)"
  done >Packages
  printf 'Suite: %s\nLabel: A label, odd\nDate: %s\nSHA256:\n %s %s Packages\n' \
    "$2" "$(date -uR)" "$(sha256sum Packages | cut -d' ' -f1)" \
    "$(stat -c %s Packages)" >Release
}
for name in plain held refused elsewhere both 'g++2.x'; do
  deb old "$name" 1; deb security "$name" 2
done
deb old epoch 1:1~rc1; deb security epoch 1:1; deb other epoch 1:0
deb old newer 3; deb security newer 2
deb old same 2; deb security same 2
deb old back 3; deb security back 2
deb other elsewhere 3
cp /srv/kgt/security/kgt-both.deb /srv/kgt/other/
deb security absent 2
dpkg -i /srv/kgt/old/*.deb >/dev/null
apt-mark hold kgt-held >/dev/null
pin() {
  printf 'Package: kgt-%s\nPin: release a=kgt-security\nPin-Priority: %s\n\n' "$@"
}
{ pin refused -1; pin back 1001; } >/etc/apt/preferences.d/kgt
(index security kgt-security)
(index other kgt)
printf 'deb [trusted=yes] file:/srv/kgt/%s ./\n' security other \
  >/etc/apt/sources.list.d/kgt.list
apt-get -qq -o Dir::Etc::sourcelist=sources.list.d/kgt.list \
  -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 update
"""
_AWAY = """
dpkg --purge $(dpkg-query -W -f '${Package} ' 'kgt-*') >/dev/null
rm -rf /srv/kgt /etc/apt/preferences.d/kgt /etc/apt/sources.list.d/kgt.list
rm -f /var/lib/apt/lists/_srv_kgt_*
"""


@pytest.fixture
def repositories(keeper: Keeper) -> Iterator[Keeper]:
    """Give the host packages of which each stands for a reason to wait or not."""
    keeper.sh(_REPOSITORIES)
    yield keeper
    keeper.sh(_AWAY)


@BOTH
def test_what_waits_is_what_apt_lists(repositories: Keeper) -> None:
    """Held, pinned, newer, foreign and absent packages do not wait; others do."""
    found = repositories.sh(PENDING).split()
    told = [name for name in repositories.sh(APT).split() if name != "kgt-held"]

    assert [f"kgt-{name}" for name in WAITING] == sorted(
        name for name in found if name.startswith("kgt-")
    )
    assert sorted(told) == sorted(name for name in found if name.startswith("kgt-"))
