"""What is done to a hardened host so that a check must say so.

Each fault names the controls that it breaks. Those of one batch are made together on
one clone, whose shared connection is open already; the clone is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Fault:
    """A change for the worse and the controls that must fail by it."""

    controls: tuple[str, ...]
    script: str


def _fault(*controls: str, script: str) -> Fault:
    return Fault(controls, dedent(script))


NETWORK = "192.0.2.0/24"
"""A network of the operator's that no host was ever told of (RFC 5737)."""

SETTINGS = (
    # With `NETWORK` among the settings' networks, these must miss it on the host.
    "SSH-27",
    "BAN-09",
)

FILES = (
    _fault(
        "OUT-09",
        script="""\
        cd /etc/ssh
        rm ssh_host_ed25519_key ssh_host_ed25519_key.pub
        ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key
        systemctl restart ssh
        sleep 1.1  # file times count in seconds
        """,
    ),
    _fault(
        "ACC-04",
        "ACC-06",
        script="""\
        ssh-keygen -q -t rsa -b 2048 -N '' -f /root/weak
        cat /root/weak.pub >>/etc/ssh/authorized_keys.d/keeper
        """,
    ),
    _fault(
        "ACC-09",
        "ACC-10",
        script="""\
        printf 'Defaults !use_pty\\nDefaults !syslog\\n' >/etc/sudoers.d/zzz-trial
        chmod 0440 /etc/sudoers.d/zzz-trial
        """,
    ),
    _fault(
        "ACC-24",
        script="""\
        echo 'debian ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/zzzz-trial
        chmod 0440 /etc/sudoers.d/zzzz-trial
        """,
    ),
    _fault("ACC-12", script="chmod 0644 /etc/sudoers.d/README"),
    _fault(
        "ACC-13",
        "ACC-17",
        script="useradd --non-unique --uid 0 --gid 0 --no-create-home toor",
    ),
    _fault("ACC-14", script="usermod --password '' games"),
    _fault("ACC-15", script="sed -i 's/^lp:x:/lp:$6$salt$hash:/' /etc/passwd"),
    _fault("ACC-16", script="usermod --password '$6$salt$hash' root"),
    _fault("ACC-18", script="usermod --shell /bin/sh man"),
    _fault("ACC-19", script="chmod 0664 /etc/passwd"),
    _fault("ACC-20", script="chmod 0644 /etc/shadow"),
    _fault("ACC-21", script="touch /etc/hosts.equiv"),
    _fault("ACC-22", script="chmod 0777 /home/debian"),
    _fault("ACC-23", script="echo 'PATH=.:$PATH' >/etc/profile.d/trial.sh"),
    _fault(
        *("SSH-04", "SSH-05", "SSH-07", "SSH-08", "SSH-09", "SSH-11", "SSH-13"),
        *("SSH-26", "SSH-33", "SSH-41", "SSH-42", "SSH-45", "SSH-50", "SSH-55"),
        script="""\
        cat >/etc/ssh/sshd_config.d/00-a-trial.conf <<'END'
        KbdInteractiveAuthentication yes
        PermitEmptyPasswords yes
        HostbasedAuthentication yes
        GSSAPIAuthentication yes
        UsePAM no
        TrustedUserCAKeys /etc/ssh/ssh_host_ed25519_key.pub
        PermitUserEnvironment yes
        PerSourcePenalties no
        PrintLastLog no
        KexAlgorithms curve25519-sha256,sntrup761x25519-sha512@openssh.com
        Ciphers aes256-ctr,aes256-cbc
        PubkeyAcceptedAlgorithms ssh-ed25519,ssh-rsa
        END
        chmod 0666 /etc/ssh/sshd_config.d/00-a-trial.conf
        """,
    ),
    _fault("SSH-14", script="echo 'ALL: 192.0.2.1' >>/etc/hosts.deny"),
    _fault("SSH-52", script="chmod 0644 /etc/ssh/ssh_host_rsa_key"),
    _fault("SSH-53", script="chmod 0666 /etc/ssh/ssh_host_rsa_key.pub"),
    _fault("SSH-56", script="systemctl --quiet disable ssh.service ssh.socket"),
    _fault(
        *("FW-04", "FW-05", "FW-06"),
        script="""\
        table=$(nft list tables | grep -m1 keepgate | cut -d' ' -f2-)
        nft add rule $table input tcp dport 8080 accept
        nft add rule $table input udp dport 5353 accept
        nft add rule $table input accept
        """,
    ),
    _fault(
        "FW-13",
        script="""\
        cat >/etc/systemd/system/ufw.service <<'END'
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/true
        END
        systemctl daemon-reload
        systemctl start ufw.service
        """,
    ),
    _fault("FW-14", script="systemctl --quiet enable nftables.service"),
    _fault(
        "FW-15",
        script="systemd-run -q --unit trial-web python3 -m http.server 8080",
    ),
    _fault(
        "FW-16",
        script="""\
        cp /bin/sleep /usr/local/bin/dockerd
        systemd-run -q --unit trial-engine /usr/local/bin/dockerd 3600
        """,
    ),
    _fault(
        "BAN-04",
        "BAN-05",
        script="""\
        fail2ban-client set sshd maxretry 50 >/dev/null
        fail2ban-client set sshd bantime 10 >/dev/null
        """,
    ),
    _fault("UPD-04", script="systemctl --quiet disable --now apt-daily.timer"),
    _fault(
        *("UPD-02", "UPD-03", "UPD-05", "UPD-06", "UPD-08", "UPD-10", "UPD-12"),
        script="""\
        cat >/etc/apt/apt.conf.d/zzz-trial <<'END'
        #clear Unattended-Upgrade::Origins-Pattern;
        #clear Unattended-Upgrade::Allowed-Origins;
        APT::Periodic::Update-Package-Lists "0";
        APT::Periodic::Unattended-Upgrade "0";
        Unattended-Upgrade::MinimalSteps "false";
        Unattended-Upgrade::Automatic-Reboot "true";
        APT::Get::AllowUnauthenticated "true";
        END
        """,
    ),
    _fault(
        "UPD-13",
        "UPD-14",
        script="""\
        mkdir /srv/trial
        cd /srv/trial
        cat >Packages <<END
        Package: less
        Version: 9999
        Architecture: $(dpkg --print-architecture)
        Maintainer: nobody
        Filename: ./less.deb
        Size: 1
        SHA256: $(printf x | sha256sum | cut -d' ' -f1)
        Description: newer than the installed one
        END
        cat >Release <<END
        Origin: Debian
        Label: Debian-Security
        Suite: stable-security
        SHA256:
         $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages
        END
        echo 'deb [trusted=yes] file:/srv/trial ./' >/etc/apt/sources.list.d/trial.list
        apt-get -qq update -o Dir::Etc::SourceParts=- \\
          -o Dir::Etc::SourceList=/etc/apt/sources.list.d/trial.list \\
          -o APT::Get::List-Cleanup=0
        touch -d '10 days ago' /var/lib/apt/lists /var/lib/apt/periodic/*
        """,
    ),
    _fault("UPD-17", script="echo linux-image >/run/reboot-required"),
)

BROKEN = (
    _fault(
        "SSH-54",
        "SSH-57",
        script="""\
        cat >/etc/ssh/sshd_config.d/99-trial.conf <<'END'
        Nonsense yes
        Match RDomain blue
        END
        """,
    ),
    _fault("ACC-11", script="echo 'no rule' >/etc/sudoers.d/zzz-broken"),
    _fault("OUT-08", script="mv /etc/ssh/authorized_keys.d/keeper /root/"),
    _fault(
        *("FW-01", "FW-02", "OUT-01", "OUT-02"),
        script="""\
        table=$(nft list tables | grep -m1 keepgate | cut -d' ' -f2-)
        nft "chain $table input { policy accept; }"
        """,
    ),
    _fault(
        *("BAN-01", "OUT-11", "OUT-12"), script="systemctl disable -q --now fail2ban"
    ),
    _fault("UPD-16", script="apt-mark -q hold less >/dev/null"),
    _fault("UPD-01", script="dpkg --remove unattended-upgrades >/dev/null 2>&1"),
    _fault(
        "UPD-15",
        script="""\
        sed -i '/^Package: less$/,/^$/s/ok installed$/ok half-configured/' \\
          /var/lib/dpkg/status
        """,
    ),
)

BATCHES = {"files": FILES, "broken": BROKEN}
