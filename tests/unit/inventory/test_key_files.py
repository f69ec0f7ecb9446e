"""Keys that an inventory names: found, judged, never echoed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from keepgate.inventory import InventoryError, Problem, load

Write = Callable[[str], Path]
_FILE = "password_file"

TEXT = """
    defaults:
      login: debian
      operator: {{name: keeper, keys: [{keys}]}}
    hosts:
      one: {{key: {key}}}
"""


def inventory(keys: str = "operator.pub", key: str = "null") -> str:
    """Return an inventory with *keys* of the operator and the private *key*."""
    return TEXT.format(keys=keys, key=key)


def mistake(path: Path) -> Problem:
    """Return the one thing that `load` complains about."""
    with pytest.raises(InventoryError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem


def test_a_private_key_file_is_refused_loudly(write: Write, folder: Path) -> None:
    """The private key instead of the public one: refused, and nothing of it told."""
    body = (folder / "operator").read_text().splitlines()[1:-1]

    with pytest.raises(InventoryError) as caught:
        load(write(inventory(keys="operator")))

    told = str(caught.value)
    assert "inventories/operator: this is a PRIVATE key" in told
    assert "name inventories/operator.pub" in told
    assert not [line for line in body if line in told]


def test_a_private_key_in_the_inventory_is_refused_loudly(
    write: Write, folder: Path
) -> None:
    """A private key pasted into the inventory is never told again."""
    key = (folder / "operator").read_text()
    path = write(inventory(keys="KEY"))
    path.write_text(
        path.read_text().replace("KEY", '"' + key.replace("\n", "\\n") + '"')
    )

    with pytest.raises(InventoryError) as caught:
        load(path)

    told = str(caught.value)
    assert "this is a PRIVATE key" in told
    assert "throw it away" in told
    assert not [line for line in key.splitlines()[1:-1] if line in told]


@pytest.mark.parametrize("suffix", ["", "x"])
def test_a_private_key_at_any_place_is_not_told(
    write: Write, folder: Path, suffix: str
) -> None:
    """Even where a name belongs, a pasted private key is not repeated."""
    body = (folder / "operator").read_text().splitlines()[1] + suffix
    path = write(inventory().replace("name: keeper", f"name: '{body}'"))

    with pytest.raises(InventoryError) as caught:
        load(path)

    assert body not in str(caught.value)


def test_a_missing_key_file(write: Write) -> None:
    """The path that was looked for is told."""
    problem = mistake(write(inventory(keys="nobody.pub")))

    assert "defaults.operator.keys[0]" == problem.key
    assert "there is no file inventories/nobody.pub" in problem.what


def test_a_missing_lab_key_is_made_by_the_lab(write: Write) -> None:
    """Whoever forgot to boot the lab is told so."""
    problem = mistake(write(inventory(key="$KEEPGATE_HOME/lab/id_ed25519")))

    assert "keepgate lab up" in problem.fix


def test_an_empty_key_file(write: Write, folder: Path) -> None:
    """A file without a key counts as no key."""
    (folder / "empty.pub").write_text("# nothing here\n\n")

    assert "holds no key" in mistake(write(inventory(keys="empty.pub"))).what


def test_a_folder_is_no_key_file(write: Write, folder: Path) -> None:
    """A folder where a key file belongs is told as such."""
    (folder / "keys.pub").mkdir()

    assert "no regular file" in mistake(write(inventory(keys="keys.pub"))).what


def test_a_key_file_may_hold_several_keys(write: Write, folder: Path) -> None:
    """Files as code hosts hand them out, comments included, are taken whole."""
    first = (folder / "operator.pub").read_text()
    second = (folder.parent / "home" / ".ssh" / "id_ed25519.pub").read_text()
    (folder / "both.pub").write_text(f"# laptop\n{first}\n# desk\n{second}")

    (host,) = load(write(inventory(keys="both.pub"))).hosts

    assert [first.strip(), second.strip()] == list(host.settings.operator.keys)


def test_a_bad_line_in_a_key_file_is_named(write: Write, folder: Path) -> None:
    """The line of the key file is told beside the line of the inventory."""
    (folder / "both.pub").write_text(
        f"{(folder / 'operator.pub').read_text()}ssh-ed25519 AAAA\n"
    )

    problem = mistake(write(inventory(keys="both.pub")))

    assert problem.what.startswith("inventories/both.pub, line 2: the ssh-ed25519 key")


def test_a_literal_key_is_taken(write: Write, folder: Path) -> None:
    """A key may stand in the inventory itself."""
    line = (folder / "operator.pub").read_text().strip()

    (host,) = load(write(inventory(keys=line))).hosts

    assert (line,) == host.settings.operator.keys


@pytest.mark.parametrize(
    ("key", "what", "fix"),
    [
        ("operator.pub", "is a public key", "name inventories/operator"),
        ("nobody", "there is no file", "ssh-keygen"),
        ("x.yml", "is no private key", "without .pub"),
        ("open", "can be read by others", "chmod 600"),
        ("locked", "has a passphrase", "ssh-add"),
        ("putty", "PuTTY's format", "puttygen"),
        ("~nobody-of-that-name/key", "the user after ~", "write the path out"),
        ("operator", "", ""),
    ],
)
def test_private_key_files(
    write: Write, folder: Path, key: str, what: str, fix: str
) -> None:
    """A private key must be there, private, and usable without anybody typing."""
    path = write(inventory(key=key))
    (folder / "open").write_bytes((folder / "operator").read_bytes())
    (folder / "open").chmod(0o644)
    (folder / "putty").write_text("PuTTY-User-Key-File-3: ssh-ed25519\n")
    (folder / "locked").touch(mode=0o600)
    (folder / "locked").write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )

    if not what:
        assert load(path).hosts[0].key == folder / "operator"
        return
    problem = mistake(path)

    assert ("hosts.one.key", True, True) == (
        problem.key,
        what in problem.what,
        fix in problem.fix,
    )


def test_keys_of_further_accounts_are_read(write: Write, folder: Path) -> None:
    """Wherever settings hold keys, paths of key files work."""
    path = write(inventory().replace("one: {", "one: {accounts: USERS, "))
    path.write_text(
        path.read_text().replace("USERS", "{users: {eve: {keys: [operator.pub]}}}")
    )

    (host,) = load(path).hosts

    assert host.settings.operator.keys == host.settings.accounts.users["eve"].keys
    assert (folder / "operator.pub").read_text().strip() == host.settings.operator.keys[
        0
    ]


def test_a_weak_key_is_refused_at_its_place(write: Write) -> None:
    """The key's own verdict reaches the operator."""
    blob = b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (b"ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xff" * 256)
    )
    line = f"ssh-rsa {base64.b64encode(blob).decode()} old"

    problem = mistake(write(inventory(keys=line)))

    assert "the RSA key has 2048 bits, fewer than 3072" == problem.what
    assert "ssh-keygen -t ed25519" in problem.fix


def _with_mail(file: Path) -> str:
    """Return an inventory whose mail server's password is in *file*."""
    mail = f"host: mail.example.org, sender: a@example.org, user: a, {_FILE}: {file}"
    return inventory().replace(
        "login: debian", f"login: debian\n      agent: {{mail: {{{mail}}}}}"
    )


def test_a_password_file_is_named_from_the_inventory(
    write: Write, folder: Path
) -> None:
    """Its path is made whole; what is in it is no setting."""
    secret = folder / "mail-password"
    secret.touch(mode=0o600)
    secret.write_text("a word that nobody sees\n")
    (host,) = load(write(_with_mail(secret.relative_to(folder)))).hosts

    assert host.settings.agent.mail is not None
    assert secret == host.settings.agent.mail.password_file
    assert "nobody sees" not in host.model_dump_json()


@pytest.mark.parametrize(
    ("mode", "told", "fix"),
    [(0o644, "can be read by others", "chmod 600"), (None, "cannot be read", "write")],
)
def test_a_password_file_that_cannot_be_used_is_told(
    write: Write, folder: Path, mode: int | None, told: str, fix: str
) -> None:
    """With its key and place, as any other mistake."""
    secret = folder / "mail-password"
    if mode is not None:
        secret.write_text("a word that nobody sees\n")
        secret.chmod(mode)
    problem = mistake(write(_with_mail(secret.relative_to(folder))))

    assert told in problem.what
    assert fix in problem.fix
    assert "password_file" in problem.key
    assert problem.at is not None
