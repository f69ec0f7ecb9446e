"""An apt archive like Caddy's, signed and served by this machine."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tests.unit.caddy.running import binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUITE = "any-version"
_UNIT = """\
[Unit]
Description=Caddy
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
User=caddy
Group=caddy
ExecStart=/usr/bin/caddy run --environ --config /etc/caddy/Caddyfile
ExecReload=/usr/bin/caddy reload --config /etc/caddy/Caddyfile --force
TimeoutStopSec=5s
LimitNOFILE=1048576
PrivateTmp=true
ProtectSystem=full
AmbientCapabilities=CAP_NET_BIND_SERVICE

[Install]
WantedBy=multi-user.target
"""
# What a package with a service does, by Debian's own helpers.
_CONFIGURE = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    getent passwd caddy >/dev/null ||
        useradd --system --user-group --create-home --home-dir /var/lib/caddy \\
            --shell /usr/sbin/nologin caddy
    deb-systemd-helper enable caddy.service >/dev/null || :
    systemctl --system daemon-reload >/dev/null || :
    if [ -n "$2" ]; then
        deb-systemd-invoke try-restart caddy.service >/dev/null || :
    fi
fi
"""


@dataclass
class Archive:
    """What is published in *folder* and how it is signed; *url* is where."""

    folder: Path
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """What this machine's packages are built for."""
        command = ["dpkg", "--print-architecture"]
        return subprocess.check_output(command, text=True).strip()

    def settings(self, key: str = "theirs") -> dict[str, Any]:
        """Return settings that know the archive by the key called *key*."""
        return {"url": self.url, "key": self.keys[key]}

    def add_key(self, name: str) -> None:
        """Make a signing key of that name."""
        self._gpg("--quick-gen-key", f"{name}@kg.test", "ed25519", "sign", "never")
        self.keys[name] = self._gpg("--armor", "--export", f"{name}@kg.test")

    def add_caddy(self, version: str) -> None:
        """Publish this machine's current Caddy as that version of the package."""
        tree = self.folder / "tree"
        for path, text, mode in (
            ("usr/lib/systemd/system/caddy.service", _UNIT, 0o644),
            ("etc/caddy/Caddyfile", ":80 {\n\trespond stock\n}\n", 0o644),
            ("DEBIAN/conffiles", "/etc/caddy/Caddyfile\n", 0o644),
            ("DEBIAN/postinst", _CONFIGURE, 0o755),
        ):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
            (tree / path).chmod(mode)
        (tree / "usr/bin").mkdir()
        shutil.copy2(binary("current"), tree / "usr/bin/caddy")
        self._pack("caddy", version, tree)

    def add_stranger(self, name: str) -> None:
        """Publish a newer *name* than anybody has, which no host may take."""
        (self.folder / "tree/DEBIAN").mkdir(parents=True)
        self._pack(name, "99:1", self.folder / "tree")

    def _pack(self, name: str, version: str, tree: Path) -> None:
        (tree / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: {self.architecture}\n"
            "Maintainer: Nobody <nobody@kg.test>\nDescription: for tests\n"
        )
        tree.chmod(0o755)
        (self.folder / "pool").mkdir(exist_ok=True)
        file = self.folder / "pool" / f"{name}_{version.replace(':', '.')}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build"]
        subprocess.run([*command, str(tree), str(file)], check=True)
        shutil.rmtree(tree)

    def publish(self, key: str) -> None:
        """Write the index of all packages, signed by the key called *key*."""
        index = "\n".join(self._entry(one) for one in sorted(self._packages()))
        below = f"main/binary-{self.architecture}/Packages"
        texts = {below: index.encode(), f"{below}.gz": gzip.compress(index.encode())}
        dists = self.folder / "dists" / SUITE
        for path, content in texts.items():
            (dists / path).parent.mkdir(parents=True, exist_ok=True)
            (dists / path).write_bytes(content)
        sums = "".join(
            f" {hashlib.sha256(content).hexdigest()} {len(content)} {path}\n"
            for path, content in texts.items()
        )
        (dists / "Release").write_text(
            f"Origin: kg.test\nLabel: kg.test\nSuite: {SUITE}\nCodename: {SUITE}\n"
            f"Date: {formatdate(usegmt=True)}\nArchitectures: {self.architecture}\n"
            f"Components: main\nSHA256:\n{sums}"
        )
        (dists / "InRelease").unlink(missing_ok=True)
        self._gpg(
            *("--local-user", f"{key}@kg.test", "--clearsign"),
            *("--output", str(dists / "InRelease"), str(dists / "Release")),
        )

    def _packages(self) -> Iterator[Path]:
        return (self.folder / "pool").glob("*.deb")

    def _entry(self, file: Path) -> str:
        told = subprocess.check_output(["dpkg-deb", "--field", file], text=True)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return (
            f"{told.rstrip()}\nFilename: pool/{file.name}\n"
            f"Size: {file.stat().st_size}\nSHA256: {digest}\n"
        )

    def _gpg(self, *arguments: str) -> str:
        home = self.folder.parent / "gpg"
        home.mkdir(mode=0o700, exist_ok=True)
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
        command += ["--pinentry-mode", "loopback", "--passphrase", "", *arguments]
        return subprocess.check_output(command, text=True)


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def archive(folder: Path, address: str) -> Iterator[Archive]:
    """Serve an archive that is empty, with two keys, at *address*."""
    made = Archive(folder / "served")
    made.folder.mkdir()
    for name in ("theirs", "others"):
        made.add_key(name)
    with serving(made, address):
        try:
            yield made
        finally:
            gone = ["gpgconf", "--homedir", str(folder / "gpg"), "--kill", "all"]
            subprocess.run(gone, check=True)


@contextmanager
def serving(made: Archive, address: str) -> Iterator[None]:
    """Serve *made* on a free port of *address* while the block lasts."""
    handler = partial(_Quiet, directory=str(made.folder))
    server = ThreadingHTTPServer((address, 0), handler)
    made.url = f"http://{address}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
