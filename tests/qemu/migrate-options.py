#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every option of the stock client's migrate: it moves a guest from ours to Debian's libvirtd and back, or is refused for a
reason, or another test has it. Prints TAP."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]

import migrate  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>a</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><devices/></domain>"""
CONF = """migrate_tls_x509_cert_dir = "/etc/libvirt/pki"
migrate_tls_x509_verify = 1
"""
# Command lines that move it. THERE, ADDRESS: of the target, XML: a file with the guest's definition.
MOVES = [
    "--live --p2p --persistent --change-protection --abort-on-error --verbose --unsafe --bandwidth 1000 --dname a",
    "--p2p --tunnelled --suspend",
    "--live --timeout 30 --timeout-suspend --migrateuri tcp://THERE:49300 --graphicsuri vnc://THERE:5900 --listen-address ADDRESS",
    "--persistent --xml XML --persistent-xml XML",
    "--compressed --comp-methods xbzrle,mt --comp-mt-level 1 --comp-mt-threads 2 --comp-mt-dthreads 2 --comp-xbzrle-cache 1048576",
    "--auto-converge --auto-converge-initial 30 --auto-converge-increment 5 --rdma-pin-all --disks-uri tcp://THERE:50000",
    "--p2p --tls --parallel --parallel-connections 4",
    "--tls --tls-destination elsewhere --disks-port 50000",
]
REFUSED = {
    "direct": (["--direct"], "direct migration is not supported by the source host"),
    "migrate-disks": (["--migrate-disks", "vda"], "disk target vda not found"),
    "copy-storage-all": (["--p2p", "--tunnelled", "--copy-storage-all"], "NBD in tunnelled migration is currently not supported"),
    "copy-storage-inc": (["--copy-storage-all", "--copy-storage-inc"], "mutually exclusive"),
    "zerocopy": (["--zerocopy"], "zero-copy is only available for parallel migration"),
    "postcopy": (["--live", "--postcopy"], "post-copy migration is not supported with non-live or paused migration"),
    "timeout-postcopy": (["--live", "--timeout", "30", "--timeout-postcopy", "--postcopy"],
                         "post-copy migration is not supported with non-live or paused migration"),
    "postcopy-resume": (["--live", "--postcopy", "--postcopy-resume"], "is not being migrated"),
    "parallel": (["--p2p", "--tunnelled", "--parallel"], "mutually exclusive"),
    "tls": (["--p2p", "--tunnelled", "--tls"], "mutually exclusive"),
    "tls-destination": (["--p2p", "--tls", "--tls-destination", "zork"], "Certificate does not match the hostname zork"),
    "comp-methods": (["--compressed", "--comp-methods", "zstd", "--parallel"], "Unsupported compression method 'zstd'"),
    "comp-mt-level": (["--compressed", "--comp-methods", "mt", "--comp-mt-level", "100"], "between 0 and 9"),
    "auto-converge-initial": (["--auto-converge", "--auto-converge-initial", "300"], "cpu-throttle-initial"),
    "parallel-connections": (["--parallel", "--parallel-connections", "0"], "between 1 and 255"),
    "listen-address": (["--listen-address", "10.9.9.9"], "Cannot assign requested address"),
    "migrateuri": (["--migrateuri", "unix://"], "missing path in migration URI"),
    "offline": (["--offline", "--persistent", "--copy-storage-all"], "offline migration cannot handle non-shared storage"),
}
# Options whose tests are in migrate.py.
ELSEWHERE = {"domain", "desturi", "undefinesource", "copy-storage-synchronous-writes", "postcopy-after-precopy",
             "postcopy-bandwidth"}


def make_certificates(machine):
    """One authority, and a certificate that is good for both machines."""
    folder = machine.path("etc", "pki")
    os.mkdir(folder)

    def certtool(*args):
        subprocess.run(["certtool", *args], cwd=folder, check=True, capture_output=True)

    for who in ("ca", "server", "client"):
        certtool("--generate-privkey", "--key-type", "ecdsa", "--outfile", f"{who}-key.pem")
    machine.write("cn = ca\nca\ncert_signing_key\nexpiration_days = 2\n", "etc", "pki", "ca")
    certtool("--generate-self-signed", "--load-privkey", "ca-key.pem", "--template", "ca", "--outfile", "ca-cert.pem")
    for who in ("server", "client"):
        machine.write(f"cn = {who}\ndns_name = machine1\ndns_name = machine2\ndns_name = elsewhere\nsigning_key\n"
                      f"encryption_key\ntls_www_{who}\nexpiration_days = 2\n", "etc", "pki", who)
        certtool("--generate-certificate", "--load-privkey", f"{who}-key.pem", "--load-ca-certificate", "ca-cert.pem",
                 "--load-ca-privkey", "ca-key.pem", "--template", who, "--outfile", f"{who}-cert.pem")
    return folder


def migrating(here, there, words):
    """The client's command line."""
    names = {"THERE": there.machine.name, "ADDRESS": there.machine.address, "XML": here.machine.path("guest.xml")}
    return ["migrate", "a", there.uri, *[re.sub("THERE|ADDRESS|XML", lambda m: names[m.group()], w) for w in words]]


def options_of(words):
    return {word[2:] for word in words if word.startswith("--")}


def every_option_has_a_verdict(a, b):
    shown = subprocess.run(["virsh", "help", "migrate"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^ +\[?--([a-z0-9-]+)", shown, re.MULTILINE))
    assert len(options) > 40, shown
    judged = set().union(ELSEWHERE, REFUSED, *[options_of(line.split()) for line in MOVES])
    assert options == judged, options ^ judged


def those_that_move_do_so_there_and_back(a, b):
    for line in MOVES:
        for here, there in ((a, b), (b, a)):
            run = here.virsh(*migrating(here, there, line.split()), "--undefinesource")
            assert run.returncode == 0, f"{line}, from {here.which}: {run.stderr}"
            assert here.names() == [] and there.state("a").startswith("paused"), line


def those_that_do_not_say_why(a, b):
    for option, (words, why) in REFUSED.items():
        said = a.fails(*migrating(a, b, words))
        assert why in said, f"{option}: {said}"
        assert a.state("a").startswith("paused") and b.names() == [], option


TESTS = [every_option_has_a_verdict, those_that_move_do_so_there_and_back, those_that_do_not_say_why]


def main():
    with pair.Pair(CONF) as p:
        folder = make_certificates(p.source)
        subprocess.run(["cp", "-r", folder, p.target.path("etc", "pki")], check=True)
        a, b = migrate.Side(p.source, "ours"), migrate.Side(p.target, "reference")
        a.define("a", GUEST)
        a.must("start", "a", "--paused")
        for side in (a, b):
            side.machine.write(a.must("dumpxml", "a", "--migratable"), "guest.xml")
        return tap.run(TESTS, sys.argv[1:], a, b)


if __name__ == "__main__":
    sys.exit(main())
