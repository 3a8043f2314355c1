# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock virsh: the same script of commands, one process a driver, and what it prints for each."""

import os
import re
import subprocess

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

TEST = """
uri
version
hostname
nodeinfo
nodecpumap
maxvcpus
sysinfo
capabilities
list --all
list --all --name --uuid
list --inactive
domid test
domuuid test
domname 1
domstate test --reason
dominfo test
dominfo nosuch
domcontrol test
dumpxml test
dumpxml test --inactive
dumpxml nosuch
suspend test
domstate test
resume test
autostart test
autostart --disable test
desc test
desc test --title A title
desc test --config A description
metadata test http://example.org/x
setmem test 1048576
setmaxmem test 4194304 --config
dommemstat test
setvcpus test 1
vcpucount test
vcpuinfo test
schedinfo test
domblklist test
domiflist test
define {data}/guest.xml
define {data}/broken.xml
define {data}/no-name.xml
define {data}/no-such-file.xml
list --all
dominfo guest
domrename guest renamed
start renamed
start renamed
reboot renamed
shutdown renamed
start renamed
destroy renamed
destroy renamed
managedsave renamed
undefine renamed
undefine renamed
create {data}/guest.xml
domstats guest --state
snapshot-create-as guest first --description one
snapshot-create-as guest second
snapshot-list guest
snapshot-list guest --tree
snapshot-current guest --name
snapshot-parent guest second
snapshot-info guest first
snapshot-revert guest first
snapshot-delete guest first --children
snapshot-list guest
destroy guest
net-list --all
net-info default
net-dumpxml default
net-destroy default
net-start default
net-autostart default
net-uuid default
net-info nosuch
pool-list --all
pool-info default-pool
pool-dumpxml default-pool
vol-list default-pool
vol-create-as default-pool disk1 1G
vol-info disk1 default-pool
vol-dumpxml disk1 default-pool
vol-path disk1 default-pool
vol-delete disk1 default-pool
pool-destroy default-pool
pool-start default-pool
iface-list --all
iface-dumpxml eth1
nodedev-list
nodedev-list --tree
nodedev-dumpxml computer
secret-list
nwfilter-list
event --list
freecell
nodememstats
domcapabilities
migrate test qemu:///system
"""

QEMU = """
uri
hostname
nodeinfo
list --all
define {data}/guest-qemu.xml
list --all
list --all --uuid
dominfo guest
domstate guest --reason
dumpxml guest
dumpxml guest --inactive
dumpxml guest --security-info
dumpxml guest --migratable
domid guest
domuuid guest
domblklist guest
domblklist guest --details
domiflist guest
vcpucount guest
autostart guest
dominfo guest
list --all --autostart
autostart --disable guest
desc guest --config a description
desc guest --config --title a title
desc guest
metadata guest http://example.org/x --config --key x --set "<x a='1'/>"
metadata guest http://example.org/x --config
setmem guest 131072 --config
setmaxmem guest 524288 --config
setvcpus guest 4 --config --maximum
setvcpus guest 3 --config
dumpxml guest
domrename guest other
dumpxml other
define {data}/broken.xml
define {data}/no-name.xml
domjobinfo other
domcontrol other
suspend other
destroy other
shutdown other
snapshot-list other
managedsave-remove other
undefine other
undefine other
list --all
"""

MARK = "===command==="
# What no two runs agree about.
VOLATILE = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    (re.compile(r"^(Used memory:|free|Free|CPU time:|buffers|cached|rss|last_update)( *:?) +.*$", re.M), r"\1 VOLATILE"),
    (re.compile(r"(CPU time: +|time\(s\): +)[\d.]+\w*"), r"\1VOLATILE"),
    (re.compile(r"<uuid>[0-9a-f-]{36}</uuid>(?=\s*<metadata generated)"), "UUID"),
    (re.compile(r"^(free|total|buffers|cached) *: .*$", re.M), r"\1 VOLATILE"),
]


def script(uri, text):
    """command → what virsh printed for it, errors included, in order."""
    commands = [line.format(data=DATA) for line in text.strip().split("\n")]
    feed = "".join(f"echo {MARK}\n{c}\n" for c in commands)
    p = subprocess.run(["virsh", "-q", "-c", uri], input=feed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=120, check=False, env={**os.environ, "LC_ALL": "C"})
    answers = {}
    # Not on a terminal, virsh repeats each command behind its prompt: "MARKvirsh # command".
    for number, (command, part) in enumerate(zip(commands, p.stdout.split(f"{MARK}virsh # ")[1:])):
        for pattern, word in VOLATILE:
            part = pattern.sub(word, part)
        lines = part.split("\n")[1:]
        answers[f"{number:02} {command}"] = [line for line in lines if line and not line.startswith("virsh # ")]
    if len(answers) != len(commands):
        answers["whole script"] = f"{len(answers)} of {len(commands)} commands answered, exit {p.returncode}: {p.stdout[-500:]}"
    return answers


def run(server):
    results = {}
    for driver, text in (("test", TEST), ("qemu", QEMU)):
        for command, answer in script(server.uri(driver), text).items():
            results[f"{driver}/{command}".replace(DATA, "DATA")] = answer  # names of cases must not depend on the place
    return results
