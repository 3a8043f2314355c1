#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images of running guests, with stock virsh: block jobs, snapshots, checkpoints and backups. The same commands give the
same answers and the same definitions on Debian's libvirtd and on ours; jobs outlive their daemon and go from one to the
other; what fails leaves no image, node or job behind. Prints TAP."""

import difflib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
sys.path.insert(0, HERE)

import tap  # noqa: E402
from live import Live, must, virsh, wait_for  # noqa: E402

SIZE = 8 << 20
GUEST = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='ROOT/NAME.qcow2'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/></devices></domain>"""
BLUR = [(re.compile(r"\b17\d{8}\b|20\d\d-\d\d-\d\d \d\d:\d\d:\d\d( \+0000)?"), "TIME"),
        (re.compile(r"\s*(<cookie>.*?</cookie>|<resource>.*?</resource>)", re.S), ""), (re.compile(r"(Time elapsed: +)\d+ +"), r"\1N "),
        (re.compile(r"\[ *\d+ %\]"), "[PERCENT]"),
        (re.compile(r"(exportbitmap='[^']*' index=)'\d+'"), r"\1'N'"), (re.compile(r"virtqemud-sock|libvirt-sock"), "SOCK"),
        (re.compile(r"<disk type='file' device='disk'>.*?</disk>|<mirror [^>]*>", re.S), lambda m: sort_attributes(m.group(0)))]


def sort_attributes(text):
    """Elements whose attributes stand in one order, whoever wrote them."""
    def one(m):
        attributes = " ".join(sorted(re.findall("[^ =]+='[^']*'", m.group(2))))
        return f"<{m.group(1)} {attributes}{m.group(3)}>"
    return re.sub(r"<(\w+) ([^>]*?)(/?)>", one, text)


def run(*command):
    """The output of a program that must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Images(Live):
    """A guest "a" whose image stands on others with known content."""

    def guest_on_chain(self):
        names = ["base", "mid", "a"]
        for i, name in enumerate(names):
            below = ["-F", "qcow2", "-b", self.path(f"{names[i - 1]}.qcow2")] if i else []
            size = [] if i else [str(SIZE)]
            run("qemu-img", "create", "-q", "-f", "qcow2", *below, self.path(f"{name}.qcow2"), *size)
            run("qemu-io", "-c", f"write -P {i + 1} {i}M 2M", self.path(f"{name}.qcow2"))
        return self.guest("a", GUEST)

    def content(self, image):
        """That of the chain of guest_on_chain(), whatever the images are now."""
        for i, pattern in enumerate((1, 2, 3, 3, 0)):
            out = run("qemu-io", "-U", "-r", "-c", f"read -P {pattern} {i}M 1M", image)
            assert "failed" not in out, f"{image} at {i} MiB: {out}"

    def blur(self, text):
        text = text.replace(self.root, "ROOT")
        for pattern, by in BLUR:
            text = pattern.sub(by, text)
        return text


def qmp(uri, command, **arguments):
    out = run("virsh", "-c", uri, "qemu-monitor-command", "a", json.dumps({"execute": command, "arguments": arguments}))
    return json.loads(out)["return"]


def nodes(uri):
    """Images that QEMU has open, by their files."""
    return sorted(os.path.basename(n["file"]) for n in qmp(uri, "query-named-block-nodes", flat=True) if n["drv"] == "file")


def jobs(uri):
    return [j["id"] for j in qmp(uri, "query-jobs")]


def chain(uri):
    """Sources of the disk from the top, by the live definition."""
    text = must(uri, "dumpxml", "a")
    disk = text[text.index("<disk "):text.index("</disk>")]
    disk = re.sub(r"<mirror.*?</mirror>", "", disk, flags=re.S)
    return [os.path.basename(p) for p in re.findall(r"file='([^']*)'", disk)]


def compare(session):
    """Runs a session of commands on both daemons and compares answers word by word."""
    answers = {}
    for which in ("reference", "ours"):
        with Images() as h:
            daemon, uri = h.daemon(which)
            answers[which] = [(h.blur(" ".join(c)), h.blur(out)) for c, out in session(h, uri)]
            assert daemon.alive(), daemon.log()
    bad = ["\n".join([f"virsh {command}", *difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "reference", "ours", "",
                                                                  n=1)])
           for (command, theirs), (_, ours) in zip(answers["reference"], answers["ours"], strict=True) if theirs != ours]
    assert not bad, "\n".join(bad)


def disks_of(uri, form=()):
    text = virsh(uri, "dumpxml", "a", *form)
    return "".join(re.findall(r"<disk .*?</disk>", text, re.S))


def job_session(h, uri):
    xml = h.guest_on_chain()
    target = h.path("copy.qcow2")
    dest = h.write(f"<disk type='file'><source file='{h.path('x.qcow2')}'/><driver name='qemu' type='qcow2'/></disk>", "d.xml")
    for command in [
            ["define", xml], ["start", "a", "--paused"], ["dumpxml"], ["blockpull", "a", "vda", "--base", "vda[3]", "--wait"],
            ["blockpull", "a", "vda", "--base", "vda[1]", "--wait"], ["blockpull", "a", "vdz"], ["blockjob", "a", "vdz"],
            ["blockcommit", "a", "vda", "--base", "vda[9]"], ["blockcommit", "a", "vda", "--top", h.path("mid.qcow2"),
                                                              "--shallow", "--wait"], ["dumpxml"],
            ["blockcommit", "a", "vda"], ["blockcommit", "a", "vda", "--top", "/none", "--active"],
            ["blockcopy", "a", "vda", target], ["blockcopy", "a", "vda", "--transient-job", "--shallow", target, "--wait"],
            ["dumpxml"], ["blockjob", "a", "vda"], ["blockpull", "a", "vda"], ["blockjob", "a", "vda", "--pivot"], ["dumpxml"],
            ["dumpxml", "--inactive"], ["blockjob", "a", "vda", "--abort"],
            ["blockcopy", "a", "vda", "--transient-job", target, "--wait", "--pivot"],
            ["blockcopy", "a", "vda", "--transient-job", h.path("raw.img"), "--format", "raw", "--wait", "--finish"],
            ["blockcopy", "a", "vda", "--transient-job", h.path("none.img"), "--reuse-external"],
            ["blockcopy", "a", "vda", "--transient-job", h.path("none.img"), "--granularity", "4097"],
            ["blockcopy", "a", "vda", "--transient-job", h.path("a.xml"), "--blockdev"],
            ["blockcopy", "a", "vda", "--transient-job", "--xml", dest, "--wait", "--pivot"], ["dumpxml"],
            ["blockcommit", "a", "vda", "--active", "--wait"], ["blockpull", "a", "vda", "--bandwidth", "99999999999999999"],
            ["blockresize", "a", "vda", "10M"], ["blockresize", "a", "vdz", "1"], ["domblkthreshold", "a", "vda", "1M"],
            ["domblkthreshold", "a", "vda[7]", "1"], ["domblkthreshold", "a", "vdz", "1"], ["domblkerror", "a"],
            ["destroy", "a"], ["blockjob", "a", "vda", "--abort"], ["start", "a"], ["dumpxml"]]:
        yield command, disks_of(uri, command[1:]) if command[0] == "dumpxml" else virsh(uri, *command)


def snapshot_session(h, uri):
    xml = h.guest_on_chain()

    def spec(name):
        return f"vda,file={h.path(name)}"
    for command in [
            ["define", xml], ["snapshot-create-as", "a", "i0"], ["snapshot-create-as", "a", "i0"], ["start", "a"],
            ["snapshot-create-as", "a", "i1", "words"], ["snapshot-create-as", "a", "i2"], ["snapshot-dumpxml", "a", "i1"],
            ["snapshot-list", "a", "--tree"], ["snapshot-revert", "a", "i1"], ["domstate", "a", "--reason"],
            ["snapshot-revert", "a", "i0"], ["domstate", "a", "--reason"], ["snapshot-revert", "a", "i1", "--paused"],
            ["domstate", "a", "--reason"], ["snapshot-current", "a", "--name"], ["snapshot-info", "a", "i1"],
            ["snapshot-delete", "a", "i2"], ["resume", "a"],
            ["snapshot-create-as", "a", "e1", "--disk-only", "--no-metadata"], ["dumpxml"],
            ["snapshot-create-as", "a", "e1", "--disk-only"], ["snapshot-create-as", "a", "e2", "--disk-only", "--diskspec",
                                                                spec("e2.qcow2")],
            ["snapshot-dumpxml", "a", "e2"], ["snapshot-create-as", "a", "e3", "--disk-only", "--quiesce"],
            ["snapshot-create-as", "a", "e3", "--disk-only", "--diskspec", "vda,snapshot=internal"],
            ["snapshot-create-as", "a", "e3", "--disk-only", "--diskspec", "vda,snapshot=no"],
            ["snapshot-create-as", "a", "e3", "--disk-only", "--diskspec", "vdz"],
            ["snapshot-create-as", "a", "e3", "--disk-only", "--diskspec", spec("e2.qcow2")],
            ["snapshot-create-as", "a", "e3", "--disk-only", "--reuse-external", "--diskspec", spec("none.qcow2")],
            ["snapshot-create-as", "a", "m1", "--live", "--memspec", f"file={h.path('m1.mem')}", "--diskspec", spec("m1.qcow2")],
            ["domstate", "a", "--reason"], ["snapshot-dumpxml", "a", "m1"], ["snapshot-revert", "a", "m1"],
            ["snapshot-delete", "a", "e2", "--children"], ["snapshot-list", "a", "--external"], ["snapshot-list", "a", "--internal"],
            ["snapshot-list", "a", "--disk-only"], ["snapshot-list", "a", "--leaves"], ["snapshot-list", "a", "--no-leaves"],
            ["snapshot-list", "a", "--from", "i0", "--descendants"], ["snapshot-list", "a", "--roots"],
            ["snapshot-parent", "a", "e2"], ["snapshot-create-as", "a", "h", "--disk-only", "--halt"],
            ["domstate", "a", "--reason"], ["dumpxml"], ["undefine", "a"], ["snapshot-create-as", "a", "o1", "--disk-only"],
            ["snapshot-dumpxml", "a", "o1"], ["snapshot-create-as", "a", "o2", "--memspec", f"file={h.path('o2')}"],
            ["snapshot-delete", "a", "o1"], ["snapshot-list", "a", "--tree"], ["snapshot-delete", "a", "h", "--metadata"],
            ["snapshot-current", "a", "--name"], ["domrename", "a", "b"], ["snapshot-list", "b", "--tree"],
            ["undefine", "b", "--snapshots-metadata"], ["list", "--all"]]:
        yield command, disks_of(uri, command[1:]) if command[0] == "dumpxml" else virsh(uri, *command)
    yield ["ls"], str(os.listdir(h.path("lib", "qemu", "snapshot")))


def backup_xml(h, name, text):
    return h.write(text.replace("ROOT", h.root), name)


def backup_session(h, uri):
    push = "<domainbackup>INC<disks><disk name='vda' type='file'><target file='ROOT/FILE'/>FORMAT</disk></disks></domainbackup>"
    pull = ("<domainbackup mode='pull'>INC<server transport='unix' socket='ROOT/nbd'/><disks><disk name='vda' type='file' "
            "exportname='x'><scratch file='ROOT/FILE'/></disk></disks></domainbackup>")

    def doc(template, name, increment="", form=""):
        inc = f"<incremental>{increment}</incremental>" if increment else ""
        return backup_xml(h, f"{name}.xml", template.replace("INC", inc).replace("FILE", name).replace("FORMAT", form))

    def settled(*command):
        wait_for(lambda: "Job type:         None" in virsh(uri, "domjobinfo", "a"))
        return virsh(uri, *command)
    xml = h.guest_on_chain()
    none = backup_xml(h, "none.xml", "<domainbackup><disks><disk name='vda' backup='no'/></disks></domainbackup>")
    other = backup_xml(h, "other.xml", "<domainbackup><disks><disk name='vdz' type='file'/></disks></domainbackup>")
    c3 = backup_xml(h, "c3.xml", "<domaincheckpoint><name>c3</name></domaincheckpoint>")
    for command in [
            ["define", xml], ["backup-begin", "a"], ["checkpoint-create-as", "a", "c0"], ["start", "a", "--paused"],
            ["checkpoint-create-as", "a", "c1"], ["checkpoint-create-as", "a", "c1"], ["checkpoint-create-as", "a", "c2"],
            ["checkpoint-create-as", "a", "cx", "--diskspec", "vdz"], ["checkpoint-dumpxml", "a", "c2", "--no-domain"],
            ["checkpoint-dumpxml", "a", "c1", "--no-domain", "--size"], ["checkpoint-list", "a", "--tree"],
            ["checkpoint-parent", "a", "c2"], ["checkpoint-list", "a", "--leaves"], ["backup-dumpxml", "a"],
            ["domjobabort", "a"], ["backup-begin", "a", none], ["backup-begin", "a", other],
            ["backup-begin", "a", doc(push, "nope", "zz")], ["backup-begin", "a", doc(push, "full.qcow2")],
            ["settled", "domjobinfo", "a", "--completed"], ["backup-begin", "a", doc(push, "full.qcow2")],
            ["backup-begin", "a", doc(push, "inc.qcow2", "c1")], ["settled", "domjobinfo", "a", "--completed"],
            ["backup-begin", "a", doc(push, "raw.img", "", "<driver type='raw'/>")], ["settled", "domjobinfo", "a"],
            ["backup-begin", "a", doc(pull, "scratch.qcow2", "c2"), c3], ["backup-dumpxml", "a"], ["domjobinfo", "a"],
            ["blockjob", "a", "vda", "--raw"], ["domjobabort", "a"], ["settled", "domjobinfo", "a", "--completed"],
            ["checkpoint-list", "a", "--tree"], ["checkpoint-delete", "a", "c2"], ["checkpoint-list", "a", "--tree"],
            ["checkpoint-delete", "a", "c1", "--metadata"], ["checkpoint-list", "a", "--name"], ["destroy", "a"],
            ["checkpoint-delete", "a", "c3"], ["undefine", "a"], ["undefine", "a", "--checkpoints-metadata"]]:
        yield command, settled(*command[1:]) if command[0] == "settled" else virsh(uri, *command)


def backups_as_the_reference():
    compare(backup_session)


def block_jobs_as_the_reference():
    compare(job_session)


def snapshots_as_the_reference():
    compare(snapshot_session)


def content_survives_every_merge():
    """Pull, commit, copy and snapshots one after the other: the guest's bytes stay, and no image stays open in vain."""
    with Images() as h:
        _, uri = h.daemon("ours")
        must(uri, "create", h.guest_on_chain(), "--paused")
        must(uri, "blockcopy", "a", "vda", h.path("c1.qcow2"), "--shallow", "--wait", "--pivot")
        assert nodes(uri) == ["base.qcow2", "c1.qcow2", "mid.qcow2"]
        must(uri, "blockpull", "a", "vda", "--base", h.path("base.qcow2"), "--wait")
        assert chain(uri) == ["c1.qcow2", "base.qcow2"] and nodes(uri) == ["base.qcow2", "c1.qcow2"]
        must(uri, "snapshot-create-as", "a", "s", "--disk-only", "--no-metadata", "--diskspec", f"vda,file={h.path('s.qcow2')}")
        must(uri, "blockcommit", "a", "vda", "--active", "--base", h.path("c1.qcow2"), "--wait", "--pivot", "--delete")
        assert chain(uri) == ["c1.qcow2", "base.qcow2"] and not os.path.exists(h.path("s.qcow2"))
        must(uri, "blockpull", "a", "vda", "--wait")
        assert chain(uri) == nodes(uri) == ["c1.qcow2"] and jobs(uri) == []
        must(uri, "destroy", "a")
        h.content(h.path("c1.qcow2"))


def jobs_outlive_their_daemon():
    """Killed while a copy runs, when it is ready, and when it ends meanwhile."""
    with Images() as h:
        daemon, uri = h.daemon("ours")
        must(uri, "create", h.guest_on_chain(), "--paused")
        must(uri, "blockcopy", "a", "vda", h.path("c.qcow2"), "--bytes", "--bandwidth", "1")
        daemon.stop(signal.SIGKILL)
        daemon, uri = h.daemon("ours")
        assert "Block Copy" in must(uri, "blockjob", "a", "vda")
        assert "<mirror" in must(uri, "dumpxml", "a")
        must(uri, "blockjob", "a", "vda", "--bandwidth", "1000")
        wait_for(lambda: "ready='yes'" in must(uri, "dumpxml", "a"))
        daemon.stop(signal.SIGKILL)
        daemon, uri = h.daemon("ours")
        wait_for(lambda: "ready='yes'" in must(uri, "dumpxml", "a"))
        must(uri, "blockjob", "a", "vda", "--pivot")
        assert chain(uri) == nodes(uri) == ["c.qcow2"]
        must(uri, "blockcopy", "a", "vda", h.path("d.qcow2"), "--wait")
        name = jobs(uri)[0]
        daemon.stop(signal.SIGKILL)
        end_by_hand(h, name)
        daemon, uri = h.daemon("ours")
        wait_for(lambda: jobs(uri) == [] and nodes(uri) == ["c.qcow2"])
        assert "<mirror" not in must(uri, "dumpxml", "a") and "No current block job" in must(uri, "blockjob", "a", "vda")


def end_by_hand(h, job):
    """Ends a job while no daemon is there, as QEMU would by itself."""
    folder = next(n for n in os.listdir(h.path("lib", "qemu")) if n.startswith("domain-"))
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(h.path("lib", "qemu", folder, "monitor.sock"))
        f = s.makefile("rw")
        f.readline()
        for command in ({"execute": "qmp_capabilities"}, {"execute": "block-job-cancel", "arguments": {"device": job}}):
            f.write(json.dumps(command) + "\n")
            f.flush()
            answer = {}
            while not {"return", "error"} & answer.keys():
                answer = json.loads(f.readline())
            assert "return" in answer, answer
        time.sleep(0.2)


def jobs_change_daemons():
    """A copy that one daemon started is ended by the other, both ways."""
    for first, second in (("ours", "reference"), ("reference", "ours")):
        with Images() as h:
            daemon, uri = h.daemon(first)
            must(uri, "create", h.guest_on_chain(), "--paused")
            must(uri, "blockcopy", "a", "vda", h.path("c.qcow2"), "--wait")
            must(uri, "snapshot-list", "a")
            daemon.stop()
            daemon, uri = h.daemon(second)
            wait_for(lambda: "Block Copy" in virsh(uri, "blockjob", "a", "vda"))
            must(uri, "blockjob", "a", "vda", "--pivot")
            assert chain(uri) == nodes(uri) == ["c.qcow2"], (first, chain(uri), nodes(uri))
            must(uri, "snapshot-create-as", "a", "s", "--disk-only")
            daemon.stop()
            daemon, uri = h.daemon(first)
            assert must(uri, "snapshot-list", "a", "--name").split() == ["s"]
            # The reference loses a guest that is destroyed while it is still being found again.
            qmp(uri, "query-status")
            must(uri, "destroy", "a")


def failures_leave_nothing():
    """A full disk, a folder that is not there, QEMU that dies: an error, and the guest as it was."""
    with Images() as h:
        small = h.path("small")
        os.mkdir(small)
        subprocess.run(h.enter(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small]), check=True)
        _, uri = h.daemon("ours")
        must(uri, "create", h.guest_on_chain(), "--paused")
        before = nodes(uri)
        for command in (["blockcopy", "a", "vda", f"{small}/c.qcow2", "--wait"],
                        ["blockcopy", "a", "vda", f"{small}/c.img", "--format", "raw", "--wait"],
                        ["blockcopy", "a", "vda", h.path("no", "folder.qcow2")],
                        ["snapshot-create-as", "a", "s", "--disk-only", "--diskspec", f"vda,file={small}/s.qcow2"],
                        ["snapshot-create-as", "a", "m", "--memspec", f"file={small}/m", "--diskspec", f"vda,file={h.path('m.qcow2')}"]):
            out = virsh(uri, *command)
            wait_for(lambda: nodes(uri) == before and jobs(uri) == [])
            assert "<mirror" not in must(uri, "dumpxml", "a"), command
            assert out.startswith("1\n") or "copy" in command[0], (command, out)
        assert must(uri, "snapshot-list", "a", "--name").split() == []
        assert not os.path.exists(h.path("m.qcow2"))
        must(uri, "blockcopy", "a", "vda", h.path("x.qcow2"), "--bytes", "--bandwidth", "1")
        os.kill(h.guests()[0], signal.SIGKILL)
        wait_for(lambda: "a" not in must(uri, "list", "--all", "--name").split())


def killed_in_every_operation():
    """The daemon is killed at one moment after the other of a snapshot and of a copy: what it then says is what QEMU has."""
    with Images() as h:
        daemon, uri = h.daemon("ours")
        must(uri, "create", h.guest_on_chain(), "--paused")
        for i, delay in enumerate((0.01, 0.03, 0.05, 0.08, 0.12, 0.16, 0.25, 0.4)):
            command = (["snapshot-create-as", "a", f"s{i}", "--disk-only", "--diskspec", f"vda,file={h.path(f's{i}.qcow2')}"] if i % 2
                       else ["blockcopy", "a", "vda", h.path(f"c{i}.qcow2"), "--transient-job"])
            with subprocess.Popen(["virsh", "-c", uri, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
                time.sleep(delay)
                daemon.stop(signal.SIGKILL)
                client.wait()
            daemon, uri = h.daemon("ours")
            wait_for(lambda: virsh(uri, "domstate", "a").startswith("0"))
            if "No current" not in must(uri, "blockjob", "a", "vda"):
                must(uri, "blockjob", "a", "vda", "--abort")
            wait_for(lambda: jobs(uri) == [] and nodes(uri) == sorted(chain(uri)))
            assert "<mirror" not in must(uri, "dumpxml", "a")
        top = h.path(chain(uri)[0])
        must(uri, "destroy", "a")
        h.content(top)


def images_that_lie():
    """A backing file without a format that looks like an image, one that is missing, one that is behind itself."""
    with Images() as h:
        _, uri = h.daemon("ours")
        xml = h.guest_on_chain()
        run("qemu-img", "rebase", "-u", "-b", h.path("mid.qcow2"), "-F", "raw", h.path("a.qcow2"))
        must(uri, "create", xml, "--paused")  # said to be raw: opened as raw, and nothing of its header believed
        assert chain(uri) == ["a.qcow2", "mid.qcow2"] == list(nodes(uri))
        must(uri, "destroy", "a")
        run("qemu-img", "rebase", "-u", "-b", h.path("gone.qcow2"), "-F", "qcow2", h.path("a.qcow2"))
        out = virsh(uri, "create", xml)
        assert "Cannot access backing file" in out, out
        run("qemu-img", "rebase", "-u", "-b", h.path("a.qcow2"), "-F", "qcow2", h.path("a.qcow2"))
        out = virsh(uri, "create", xml)
        assert "self-referential" in out, out


def backups_have_what_was_there():
    """Pushed, and pulled over NBD while the daemon is killed; the bytes are the guest's, and nothing stays."""
    with Images() as h:
        daemon, uri = h.daemon("ours")
        must(uri, "create", h.guest_on_chain(), "--paused")
        before = nodes(uri)
        must(uri, "backup-begin", "a", backup_xml(
            h, "b.xml", "<domainbackup><disks><disk name='vda' type='file'><target file='ROOT/b.qcow2'/></disk></disks></domainbackup>"))
        wait_for(lambda: nodes(uri) == before and jobs(uri) == [])
        h.content(h.path("b.qcow2"))
        must(uri, "backup-begin", "a", backup_xml(
            h, "p.xml", "<domainbackup mode='pull'><server transport='unix' socket='ROOT/nbd'/><disks><disk name='vda' "
            "type='file' exportname='x'><scratch file='ROOT/s.qcow2'/></disk></disks></domainbackup>"))
        daemon.stop(signal.SIGKILL)
        daemon, uri = h.daemon("ours")
        h.content(f"nbd+unix:///x?socket={h.path('nbd')}")
        wait_for(lambda: "Backup" in virsh(uri, "domjobinfo", "a"))
        assert "scratch" in must(uri, "backup-dumpxml", "a")
        must(uri, "domjobabort", "a")
        wait_for(lambda: nodes(uri) == before and jobs(uri) == [])
        wait_for(lambda: "Operation canceled" in virsh(uri, "domjobinfo", "a", "--completed"))
        assert not os.path.exists(h.path("nbd"))


TESTS = [block_jobs_as_the_reference, snapshots_as_the_reference, backups_as_the_reference, backups_have_what_was_there, content_survives_every_merge, jobs_outlive_their_daemon,
         jobs_change_daemons, failures_leave_nothing, killed_in_every_operation, images_that_lie]

if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
