#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Daemon to daemon over TCP and TLS, tunnelled and not; certificates that are wrong, in the words of Debian's libvirtd where
they are about the certificate. Prints TAP."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]

import migrate  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402

LISTEN = """listen_tcp = 1
auth_tcp = "none"
listen_tls = {tls}
key_file = "/etc/libvirt/pki/server-key.pem"
cert_file = "/etc/libvirt/pki/server-cert.pem"
ca_file = "/etc/libvirt/pki/cacert.pem"
"""
GUEST = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><devices/></domain>"""
WAYS = [[], ["--tunnelled"]]
PKI = "/etc/libvirt/pki"


def certtool(folder, *args):
    subprocess.run(["certtool", *args], cwd=folder, check=True, capture_output=True)


def template(folder, name, text):
    with open(os.path.join(folder, f"{name}.template"), "w", encoding="ascii") as f:
        f.write(f"cn = {name}\n{text}expiration_days = 2\n")


def authority(folder):
    certtool(folder, "--generate-privkey", "--bits", "2048", "--outfile", "cakey.pem")
    template(folder, "ca", "ca\ncert_signing_key\n")
    certtool(folder, "--generate-self-signed", "--load-privkey", "cakey.pem", "--template", "ca.template", "--outfile", "cacert.pem")


def certificate(folder, who, names=("machine1", "machine2")):
    certtool(folder, "--generate-privkey", "--bits", "2048", "--outfile", f"{who}-key.pem")
    template(folder, who, "".join(f"dns_name = {n}\n" for n in names) + f"signing_key\nencryption_key\ntls_www_{who}\n")
    certtool(folder, "--generate-certificate", "--load-privkey", f"{who}-key.pem", "--load-ca-certificate", "cacert.pem",
             "--load-ca-privkey", "cakey.pem", "--template", f"{who}.template", "--outfile", f"{who}-cert.pem")


def make_pki(p):
    """The same authority and certificates on both machines, in the names that clients and daemons want."""
    folder = p.source.path("etc", "pki")
    os.mkdir(folder)
    authority(folder)
    for who in ("server", "client"):
        certificate(folder, who)
    for what in ("key", "cert"):
        shutil.copy(os.path.join(folder, f"client-{what}.pem"), os.path.join(folder, f"client{what}.pem"))
    shutil.copytree(folder, p.target.path("etc", "pki"))
    # Nobody to speak for the client.
    os.mkdir(os.path.join(folder, "alone"))
    shutil.copy(os.path.join(folder, "cacert.pem"), os.path.join(folder, "alone"))
    # Another authority.
    other = os.path.join(folder, "other")
    os.mkdir(other)
    authority(other)
    os.mkdir(os.path.join(folder, "empty"))


class Pair(pair.Pair):
    """A guest at the source; the target listens."""

    def __init__(self, source, target):
        super().__init__()
        make_pki(self)
        self.a = migrate.Side(self.source, source)
        tls = 1 if target == "reference" else 0
        self.b = migrate.Side(self.target, target, args=["--listen"], conf=LISTEN.format(tls=tls))
        self.a.define("a", GUEST)
        self.a.must("start", "a")

    def moves(self, uri, *extra):
        self.a.must("migrate", "a", uri, "--live", "--p2p", *extra)
        assert self.b.state("a") == "running (migrated)" and self.a.state("a") == "shut off (migrated)"
        self.b.must("destroy", "a")
        self.a.must("start", "a")

    def stays(self, uri):
        """Why it does."""
        said = self.a.fails("migrate", "a", uri, "--live", "--p2p")
        assert self.a.state("a").startswith("running") and self.b.names() == []
        assert "None" in self.a.must("domjobinfo", "a")
        return said


def over_tcp():
    """Both ways with Debian's libvirtd, and among ours."""
    for source, target in (("ours", "reference"), ("reference", "ours-all"), ("ours", "ours-all")):
        with Pair(source, target) as p:
            for way in WAYS:
                p.moves("qemu+tcp://machine2/system", *way)


def over_tls():
    """To Debian's libvirtd; ours does not listen for TLS. A guest with some megabytes, too."""
    with Pair("ours", "reference") as p:
        for way in WAYS:
            p.moves(f"qemu+tls://machine2/system?pkipath={PKI}", *way)
            p.moves(f"qemu://machine2/system?pkipath={PKI}&tls_priority=NORMAL:-VERS-TLS1.3", *way)
        p.moves("qemu+tls://10.77.0.2/system?no_verify=1&pkipath=" + PKI)
        p.a.must("destroy", "a")
        p.a.must("undefine", "a")
        migrate.start_big(p.a, p.b)
        p.moves(f"qemu+tls://machine2/system?pkipath={PKI}", "--tunnelled")


# By the URI's host and its folder of certificates.
WRONG = {
    "no authority": ("machine2", f"{PKI}/empty"),
    "other authority": ("machine2", f"{PKI}/other"),
    "no certificate": ("machine2", f"{PKI}/alone"),
    "other name": ("10.77.0.2", PKI),
    "nobody there": ("machine2:16515", PKI),
}


def wrong_certificates():
    """Ours says more about certificates that it does not trust."""
    answers = {}
    for which in ("reference", "ours"):
        with Pair(which, "reference") as p:
            answers[which] = {name: p.stays(f"qemu+tls://{there}/system?pkipath={folder}") for name, (there, folder) in WRONG.items()}
    bad = [f"{name}\n--- reference\n{theirs}--- ours\n{ours}" for name, theirs in answers["reference"].items()
           if theirs.strip() not in (ours := answers["ours"][name])]
    assert not bad, "\n".join(bad)


TESTS = [over_tcp, over_tls, wrong_certificates]


if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
