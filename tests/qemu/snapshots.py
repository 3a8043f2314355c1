#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots outside of images that are merged while the guest runs, and bitmaps of checkpoints through all that changes a
chain of images, with stock virsh: the same commands give the same answers, definitions, files and bitmaps on Debian's
libvirtd and on ours, and an increment holds what the guest wrote. Prints TAP."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
sys.path.insert(0, HERE)

import tap  # noqa: E402
from block import SIZE, Images, backup_xml, chain, compare, disks_of, jobs, nodes, qmp, run  # noqa: E402
from guesthost import QEMU_CONF  # noqa: E402
from live import must, virsh, wait_for  # noqa: E402

DISK = "/machine/peripheral/virtio-disk0/virtio-backend"
CLUSTER = 65536
SECOND = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='ROOT/b.qcow2'/>
<target dev='vdb' bus='virtio'/></disk><memballoon"""


def spec(h, name, disk="vda"):
    return f"{disk},file={h.path(name)}"


def snap(h, name, *more):
    return ["snapshot-create-as", "a", name, "--disk-only", "--diskspec", spec(h, f"{name}.qcow2"), *more]


def memory_snap(h, name):
    return ["snapshot-create-as", "a", name, "--memspec", f"file={h.path(f'{name}.mem')}", "--diskspec", spec(h, f"{name}.qcow2")]


def write(uri, place, pattern):
    """The guest writes a cluster."""
    out = qmp(uri, "human-monitor-command", **{"command-line": f'qemu-io -d {DISK} "write -P {pattern} {place}M 64k"'})
    assert not out.strip() or "wrote" in out, out


def bitmaps(uri):
    return "\n".join(sorted(
        f"{n['node-name']} {b['name']} {b['count']} {b['recording']} {b['persistent']} {b['granularity']}"
        for n in qmp(uri, "query-named-block-nodes", flat=True) for b in n.get("dirty-bitmaps", []) if "name" in b))


def images(h):
    return "\n".join(sorted(n for n in os.listdir(h.root) if re.search(r"\.(qcow2|mem)$", n)))


def metadata(h):
    """What the files of snapshots say beside the definitions in them."""
    folder = h.path("lib", "qemu", "snapshot", "a")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    lines = []
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            text = re.sub(r"<(domain|inactiveDomain|cookie)\b.*?</\1>|<!--.*?-->", "", f.read(), flags=re.S)
        lines.append(f"{name}: {' '.join(text.split())}")
    return "\n".join(lines)


def play(h, uri, steps):
    """Runs steps of a session, commands of virsh and a few of ours."""
    own = {"ls": lambda: images(h), "metadata": lambda: metadata(h), "bitmaps": lambda: bitmaps(uri),
           "write": lambda place, pattern: write(uri, place, pattern) or "", "spoil": lambda node, name: spoil(h, uri, node, name)}
    for command in steps:
        if command[0] == "dumpxml":
            yield command, disks_of(uri, command[1:])
        elif command[0] in own:
            yield [str(c) for c in command], own[command[0]](*command[1:])
        elif command[0] == "settled":
            wait_for(lambda: "Job type:         None" in virsh(uri, "domjobinfo", "a"))
            yield command, virsh(uri, *command[1:])
        else:
            yield command, virsh(uri, *command)


def spoil(h, uri, image, name):
    """Takes a bitmap out of an image behind the daemon's back."""
    node = next(n["node-name"] for n in qmp(uri, "query-named-block-nodes", flat=True)
                if n["file"] == h.path(image) and n["drv"] == "qcow2")
    qmp(uri, "block-dirty-bitmap-remove", node=node, name=name)
    return ""


def deletion_session(h, uri):
    xml = h.guest_on_chain()
    yield from play(h, uri, [
        ["define", xml], ["start", "a", "--paused"], snap(h, "e1"), snap(h, "e2"), snap(h, "e3"),
        ["blockcopy", "a", "vda", h.path("c.qcow2"), "--transient-job", "--bandwidth", "1", "--bytes"],
        ["snapshot-delete", "a", "e3"], ["snapshot-delete", "a", "e2"], ["blockjob", "a", "vda", "--abort"],
        ["snapshot-delete", "a", "e2", "--children"], ["snapshot-delete", "a", "e2", "--children-only"], ["metadata"], snap(h, "e4"),
        ["snapshot-delete", "a", "e2"], ["snapshot-list", "a", "--tree"], ["dumpxml"], ["dumpxml", "--inactive"],
        ["snapshot-dumpxml", "a", "e3"], ["snapshot-dumpxml", "a", "e4"], ["ls"], ["snapshot-delete", "a", "e4"],
        ["snapshot-current", "a", "--name"], ["snapshot-delete", "a", "e1"], ["dumpxml"], ["dumpxml", "--inactive"], ["ls"],
        ["snapshot-delete", "a", "e3", "--children"], memory_snap(h, "m1"), ["snapshot-delete", "a", "m1"], ["metadata"],
        ["snapshot-delete", "a", "e3"], ["resume", "a"], ["snapshot-delete", "a", "m1"], ["metadata"],
        ["snapshot-delete", "a", "e3"], ["snapshot-list", "a", "--tree"], ["ls"], ["dumpxml"],
        ["blockcommit", "a", "vda", "--active", "--base", h.path("mid.qcow2"), "--wait", "--pivot"], ["dumpxml", "--inactive"],
        snap(h, "f1", "--no-metadata"), snap(h, "f2", "--no-metadata"), snap(h, "f3", "--no-metadata"),
        ["blockcommit", "a", "vda", "--top", h.path("f1.qcow2"), "--base", h.path("mid.qcow2"), "--wait"], ["dumpxml", "--inactive"],
        ["blockcommit", "a", "vda", "--top", h.path("mid.qcow2"), "--base", h.path("base.qcow2"), "--wait"], ["dumpxml", "--inactive"],
        snap(h, "f4", "--no-metadata"), ["blockpull", "a", "vda", "--base", h.path("f2.qcow2"), "--wait"], ["dumpxml", "--inactive"],
        ["blockpull", "a", "vda", "--wait"], ["dumpxml", "--inactive"], ["destroy", "a"]])


def bitmap_session(h, uri):
    push = "<domainbackup><incremental>CP</incremental><disks><disk name='vda' type='file'><target file='ROOT/CP.inc'/></disk></disks></domainbackup>"
    backup = {cp: backup_xml(h, f"{cp}.xml", push.replace("CP", cp)) for cp in ("c1", "c2", "c3")}

    def size(cp):
        return ["checkpoint-dumpxml", "a", cp, "--no-domain", "--size"]
    yield from play(h, uri, [
        ["define", h.guest_on_chain()], ["start", "a", "--paused"], ["checkpoint-create-as", "a", "c1"], ["write", 0, 9],
        snap(h, "e1", "--no-metadata"), ["write", 1, 9], ["checkpoint-create-as", "a", "c2"], ["write", 2, 9],
        snap(h, "e2", "--no-metadata"), ["write", 3, 9], ["bitmaps"], size("c1"), size("c2"),
        ["backup-begin", "a", backup["c1"]], ["settled", "domjobinfo", "a", "--completed"],
        ["blockcommit", "a", "vda", "--top", h.path("e1.qcow2"), "--base", h.path("a.qcow2"), "--wait"], ["bitmaps"],
        ["blockcommit", "a", "vda", "--active", "--base", h.path("a.qcow2"), "--wait"], ["write", 4, 8], ["blockjob", "a", "vda", "--pivot"],
        ["bitmaps"], snap(h, "e3", "--no-metadata"), ["write", 5, 9],
        ["blockpull", "a", "vda", "--base", h.path("mid.qcow2"), "--wait"], ["bitmaps"],
        ["blockcopy", "a", "vda", h.path("c.qcow2"), "--transient-job", "--shallow", "--wait"], ["write", 6, 9],
        ["blockjob", "a", "vda", "--pivot"], ["bitmaps"],
        ["blockcopy", "a", "vda", h.path("d.qcow2"), "--transient-job", "--wait"], ["blockjob", "a", "vda", "--abort"], ["bitmaps"],
        ["blockcopy", "a", "vda", h.path("e.qcow2"), "--transient-job", "--wait", "--pivot"], ["bitmaps"],
        ["checkpoint-create-as", "a", "c3"], snap(h, "e4"), ["write", 7, 1], ["bitmaps"], size("c3"), snap(h, "e5"), ["snapshot-delete", "a", "e4"],
        ["bitmaps"], ["checkpoint-delete", "a", "c2"], ["bitmaps"], ["spoil", "e5.qcow2", "c3"], ["backup-begin", "a", backup["c3"]], size("c3"),
        ["snapshot-delete", "a", "e5"], ["checkpoint-delete", "a", "c1", "--children-only"], ["bitmaps"], ["checkpoint-delete", "a", "c1"],
        ["bitmaps"], ["checkpoint-create-as", "a", "c5", "--diskspec", "vda,checkpoint=bitmap,bitmap=x"],
        ["checkpoint-create-as", "a", "c6", "--quiesce"], ["destroy", "a"]])


def deletions_as_the_reference():
    compare(deletion_session)


def bitmaps_as_the_reference():
    compare(bitmap_session)


def increment(h, uri, name):
    """Pushes what has changed since the checkpoint c; returns the places (MiB) of the clusters in it."""
    must(uri, "backup-begin", "a", backup_xml(
        h, f"{name}.xml", "<domainbackup><incremental>c</incremental><disks><disk name='vda' type='file'>"
        f"<target file='ROOT/{name}'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>"))
    wait_for(lambda: "Job type:         None" in virsh(uri, "domjobinfo", "a") and jobs(uri) == [])
    parts = json.loads(run("qemu-img", "map", "-U", "--output=json", h.path(name)))
    return {(p["start"] + at) // (1 << 20) for p in parts if p["depth"] == 0 and p["data"] for at in range(0, p["length"], CLUSTER)}


def guest_on_two_chains(h):
    xml = h.guest_on_chain()
    run("qemu-img", "create", "-q", "-f", "qcow2", h.path("b.qcow2"), str(SIZE))
    with open(xml, encoding="utf-8") as f:
        text = f.read()
    return h.write(text.replace("<memballoon", SECOND.replace("ROOT", h.root)), "a.xml")


def increments_have_what_changed():
    """After each change of the chain: the clusters that the guest wrote since the checkpoint, with what it wrote."""
    with Images() as h:
        _, uri = h.daemon("ours")
        must(uri, "create", guest_on_two_chains(h), "--paused")
        must(uri, "checkpoint-create-as", "a", "c", "--diskspec", "vda", "--diskspec", "vdb")
        steps = [snap(h, "e1", "--diskspec", spec(h, "b1.qcow2", "vdb")), snap(h, "e2", "--diskspec", spec(h, "b2.qcow2", "vdb")),
                 ["blockcopy", "a", "vda", h.path("copy.qcow2"), "--shallow", "--wait", "--pivot"],
                 ["blockpull", "a", "vda", "--base", h.path("mid.qcow2"), "--wait"],
                 snap(h, "e3", "--no-metadata"), ["blockcommit", "a", "vda", "--active", "--shallow", "--wait", "--pivot"], snap(h, "e4"),
                 ["snapshot-delete", "a", "e4"]]
        for i, step in enumerate(steps):
            write(uri, i, 100 + i)
            must(uri, *step)
            assert increment(h, uri, f"i{i}") == set(range(i + 1)), (step, bitmaps(uri))
        for i in range(len(steps)):
            out = run("qemu-io", "-U", "-r", "-c", f"read -P {100 + i} {i}M 64k", h.path(f"i{len(steps) - 1}"))
            assert "failed" not in out, out


def all_disks_are_merged_or_none():
    """Two disks; one image that the snapshot names is not there; the one in the middle, then the one on top."""
    with Images() as h:
        _, uri = h.daemon("ours")
        must(uri, "create", guest_on_two_chains(h))
        for i in (1, 2, 3):
            must(uri, *snap(h, f"e{i}", "--diskspec", spec(h, f"b{i}.qcow2", "vdb")))
        before = nodes(uri)
        os.rename(h.path("b2.qcow2"), h.path("elsewhere.qcow2"))  # QEMU has it open
        must(uri, "snapshot-delete", "a", "e2")
        assert nodes(uri) == [n for n in before if n not in ("e2.qcow2", "b2.qcow2")], nodes(uri)
        must(uri, "snapshot-delete", "a", "e3")
        assert images(h).split() == ["a.qcow2", "b.qcow2", "b1.qcow2", "base.qcow2", "e1.qcow2", "elsewhere.qcow2", "mid.qcow2"], images(h)
        must(uri, "snapshot-delete", "a", "e1")
        assert chain(uri) == ["a.qcow2", "mid.qcow2", "base.qcow2"] and jobs(uri) == []
        assert must(uri, "snapshot-list", "a", "--name").split() == []
        must(uri, "destroy", "a")
        h.content(h.path("a.qcow2"))


@contextlib.contextmanager
def start(uri, *command):
    """A client that does not outlive a test that fails."""
    with subprocess.Popen(["virsh", "-c", uri, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
        try:
            yield client
        finally:
            client.kill()


def deletions_that_end_early():
    """QEMU dies in one; the daemon does, and the snapshot stays or is gone, and can be deleted again."""
    with Images() as h:
        daemon, uri = h.daemon("ours")
        xml = h.guest_on_chain()
        must(uri, "define", xml)
        must(uri, "start", "a", "--paused")
        must(uri, *snap(h, "e1"))
        os.kill(h.guests()[0], signal.SIGSTOP)
        with start(uri, "snapshot-delete", "a", "e1") as client:
            wait_for(lambda: status_has(h, "snapshotDelete"))
            os.kill(h.guests()[0], signal.SIGKILL)
            out = client.communicate(timeout=20)[0]
        assert "error" in out, out
        wait_for(lambda: "shut off" in virsh(uri, "domstate", "a"))
        must(uri, "start", "a", "--paused")
        assert "e1" in must(uri, "snapshot-list", "a", "--name").split()
        for i, delay in enumerate((0, 0.02, 0.05, 0.1, 0.2)):
            must(uri, *snap(h, f"d{i}"))
            guest = h.guests()[0]
            os.kill(guest, signal.SIGSTOP)
            with start(uri, "snapshot-delete", "a", f"d{i}") as client:
                wait_for(lambda: status_has(h, "snapshotDelete"))
                os.kill(guest, signal.SIGCONT)
                time.sleep(delay)
                daemon.stop(signal.SIGKILL)
                client.wait()
            daemon, uri = h.daemon("ours")
            wait_for(lambda: virsh(uri, "domstate", "a").startswith("0"))
            wait_for(lambda: jobs(uri) == [] and nodes(uri) == sorted(chain(uri)))
            if f"d{i}" in must(uri, "snapshot-list", "a", "--name").split():
                must(uri, "snapshot-delete", "a", f"d{i}")
            assert chain(uri)[0] == "e1.qcow2" and not os.path.exists(h.path(f"d{i}.qcow2"))
        must(uri, "snapshot-delete", "a", "e1")
        must(uri, "destroy", "a")
        h.content(h.path("a.qcow2"))


KEYS = {"ca": "cn=CA\nca\ncert_signing_key\n", "server": "cn=localhost\nip_address=127.0.0.1\ntls_www_server\nencryption_key\nsigning_key\n",
        "client": "cn=client\ntls_www_client\nencryption_key\nsigning_key\n"}


def make_keys(folder):
    """Certificates of a server and of a client for the programs that look for them in a folder."""
    os.makedirs(folder)
    for name, template in KEYS.items():
        key, cert, info = (os.path.join(folder, f"{name}{end}") for end in ("-key.pem", "-cert.pem", ".info"))
        with open(info, "w", encoding="ascii") as f:
            f.write(template)
        run("certtool", "--generate-privkey", "--ecc", "--outfile", key)
        ca = ["--load-ca-certificate", os.path.join(folder, "ca-cert.pem"), "--load-ca-privkey", os.path.join(folder, "ca-key.pem")]
        run("certtool", *(["--generate-self-signed"] if name == "ca" else ["--generate-certificate", *ca]), "--load-privkey", key,
            "--template", info, "--outfile", cert)


def tls_session(h, uri):
    def doc(name, server):
        return backup_xml(h, f"{name}.xml", f"<domainbackup mode='pull'>{server}<disks><disk name='vda' type='file' exportname='x'>"
                          f"<scratch file='ROOT/{name}'/></disk></disks></domainbackup>")

    def objects():
        return str(sorted(o["name"] for o in qmp(uri, "qom-list", path="/objects")))

    def look(tls, where):
        """What a client sees of the export."""
        creds = ["--object", f"tls-creds-x509,id=t,endpoint=client,dir={h.path('pki')}"] if tls else []
        return subprocess.run(h.enter(["qemu-img", "info", *creds, "--image-opts", f"driver=nbd,export=x,{where}{',tls-creds=t' if tls else ''}"]),
                              capture_output=True, text=True, check=False).returncode
    must(uri, "create", h.guest_on_chain(), "--paused")
    for name, server, where in [
            ("t1", "<server transport='tcp' name='127.0.0.1' port='10810' tls='yes'/>", "host=127.0.0.1,port=10810"),
            ("t2", "<server transport='unix' socket='ROOT/nbd' tls='yes'/>", f"path={h.path('nbd')}"),
            ("t3", "<server transport='tcp' name='127.0.0.1' port='10811' tls='no'/>", "host=127.0.0.1,port=10811"),
            ("t4", "<server transport='tcp' name='127.0.0.1' tls='yes'/>", "host=127.0.0.1,port=10809")]:
        yield [name], virsh(uri, "backup-begin", "a", doc(name, server)) + virsh(uri, "backup-dumpxml", "a")
        yield [name, "clients"], f"{look(True, where)} {look(False, where)}"
        yield [name, "status"], str(status_has(h, "<TLSx509 "))
        yield [name, "abort"], virsh(uri, "domjobabort", "a")
        wait_for(lambda: "Job type:         None" in virsh(uri, "domjobinfo", "a"))
        yield [name, "objects"], objects()


def backups_over_tls_as_the_reference():
    """And a client without TLS sees nothing of one that has it; nor one with it of one that has not."""
    answers = {}
    for which in ("reference", "ours"):
        with Images() as h:
            make_keys(h.path("pki"))
            h.write(QEMU_CONF + f'backup_tls_x509_cert_dir = "{h.path("pki")}"\nbackup_tls_x509_verify = 1\n', "etc", "qemu.conf")
            _, uri = h.daemon(which)
            answers[which] = [(c, h.blur(out)) for c, out in tls_session(h, uri)]
    for theirs, ours in zip(answers["reference"], answers["ours"], strict=True):
        assert theirs == ours, (theirs, ours)
    clients = dict((c[0], out) for c, out in answers["ours"] if c[-1] == "clients")
    assert clients["t1"] == "0 1" and clients["t3"] == "1 0", clients


def status_has(h, text):
    try:
        with open(h.path("run", "libvirt", "qemu", "a.xml"), encoding="utf-8") as f:
            return text in f.read()
    except FileNotFoundError:
        return False


def deaths_in_memory_snapshots():
    """QEMU dies at one moment after the other of one: an error in time, and no file of it."""
    with Images() as h:
        _, uri = h.daemon("ours")
        must(uri, "define", h.guest_on_chain())
        for i, delay in enumerate((0, 0.01, 0.03, 0.06, 0.1)):
            must(uri, "start", "a")
            with start(uri, *memory_snap(h, f"m{i}")) as client:
                time.sleep(delay)
                os.kill(h.guests()[0], signal.SIGKILL)
                out = client.communicate(timeout=20)[0]
            wait_for(lambda: "shut off" in virsh(uri, "domstate", "a"))
            made = [n for n in images(h).split() if n.startswith("m") and n != "mid.qcow2"]
            assert "error" in out and not made or "created" in out, (out, made)
            if "created" in out:
                must(uri, "snapshot-delete", "a", f"m{i}")
                os.unlink(h.path(f"m{i}.mem"))


TESTS = [deletions_as_the_reference, bitmaps_as_the_reference, increments_have_what_changed, all_disks_are_merged_or_none,
         backups_over_tls_as_the_reference, deletions_that_end_early, deaths_in_memory_snapshots]

if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
