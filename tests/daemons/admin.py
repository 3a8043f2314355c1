#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock virt-admin shows the same against our daemons and the reference's: the same commands run on both, and their
output and exit status are compared."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import host  # noqa: E402
import wire  # noqa: E402

SKIP = 77
SERVER = "libvirtd"

FILTERS = ["1:rpc 3:util", "+1:rpc", "1:a*b", "1:a:b:c", "5:x", "0:x", "x:x", "1", "1:", ":", "", "   ", "1:a  3:b", "-1:x",
           "1:a 1:a 3:a", "1:a 9:b"]
OUTPUTS = ["1:file:@/x.log", "1:stderr", "2:syslog:foo", "2:journald", "1:foo", "1:file", "5:stderr", "", "1:stderr 2:stderr",
           "1:stderr 3:file:@/y.log", "1:file:/nonexistent/x", "1:stderr:foo", "1:syslog", "x", "1:stderr 9:foo"]


def commands(folder, ids):
    yield from (["srv-list"], ["version"])
    for server in (SERVER, "admin", "nope"):
        yield from (["srv-threadpool-info", server], ["srv-clients-info", server], ["client-list", server],
                    ["srv-update-tls", server])
    for options in (["--min-workers", "30"], ["--max-workers", "2"], ["--min-workers", "0", "--max-workers", "0"],
                    ["--min-workers", "6", "--max-workers", "25", "--priority-workers", "3"]):
        yield from (["srv-threadpool-set", SERVER, *options], ["srv-threadpool-info", SERVER])
    for options in (["--max-clients", "10"], ["--max-clients", "100", "--max-unauth-clients", "30"],
                    ["--max-clients", "10", "--max-unauth-clients", "20"]):
        yield from (["srv-clients-set", SERVER, *options], ["srv-clients-info", SERVER])
    yield from (["client-info", SERVER, ids[0]], ["client-info", SERVER, ids[1]], ["client-info", SERVER, "77"],
                ["client-disconnect", SERVER, "77"], ["client-disconnect", SERVER, ids[0]], ["client-list", SERVER])
    for text in FILTERS:
        yield from (["daemon-log-filters", text], ["daemon-log-filters"])
    for text in OUTPUTS:
        yield from (["daemon-log-outputs", text.replace("@", folder)], ["daemon-log-outputs"])
    yield from (["daemon-timeout", "--timeout", "300"], ["daemon-timeout", "--timeout", "0"])


def most(match):
    """One worker has the question; the reference's that had the one before may not be through with it."""
    workers, free = int(match[1]), int(match[3])
    return match[0] if free not in (workers - 1, workers - 2) else f"{match[1]}{match[2]}MOST"


def normalise(command, text):
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+0000", "TIME", text)
    text = re.sub(r"(unix_process_id *: )\d+", r"\1PID", text)
    text = re.sub(r"(?<=nWorkers       : )(\d+)(\nfreeWorkers    : )(\d+)", most, text)
    if command[0] == "srv-list":  # the order of servers has no meaning
        text = "\n".join(sorted(re.sub(r"^ \d+ +", "", line) for line in text.splitlines()))
    # Ids count connections, of which the harness makes some while it waits.
    if command[0] == "client-list":
        text = re.sub(r"^ \d+ +", " N ", text, flags=re.M)
    elif len(command) == 3 and command[2].isdigit():
        text = re.sub(rf"\b{command[2]}\b", "N", text)
    return text


def client_ids(path):
    with wire.Connection(path) as c:
        c.call("CONNECT_OPEN", _prog="admin", flags=0)
        reply = c.call("SERVER_LIST_CLIENTS", _prog="admin", srv={"name": SERVER}, need_results=1, flags=0)
        return [str(client["id"]) for client in reply["clients"]]


def answers(start):
    with host.Host() as h:
        daemon = start(h)
        folder = tempfile.mkdtemp(prefix="vh-admin-", dir=h.path())
        uri = f"libvirtd:///system?socket={daemon.socket('admin-sock')}"
        results = []
        with wire.Connection(daemon.socket("libvirt-sock")) as rw, wire.Connection(daemon.socket("-sock-ro")) as ro:
            for c in (rw, ro):
                c.call("AUTH_LIST")
            for command in commands(folder, client_ids(daemon.socket("admin-sock"))):
                out = subprocess.run(["virt-admin", "-c", uri, *command], capture_output=True, text=True, timeout=20,
                                     env={**os.environ, "LC_ALL": "C", "TZ": "UTC"}, check=False)
                text = normalise(command, out.stdout + out.stderr).replace(folder, "@")
                shown = ["N" if a.isdigit() and command[0].startswith("client-") else a.replace(folder, "@") for a in command]
                results.append((shown, out.returncode, text))
        return results


def main():
    if not host.reference_program() or not shutil.which("virt-admin"):
        print("1..0 # SKIP the reference or virt-admin is not installed")
        return SKIP
    reference, ours = answers(host.start_reference), answers(host.start_ours)
    print(f"1..{len(reference)}")
    failed = 0
    for n, (expected, got) in enumerate(zip(reference, ours, strict=True), 1):
        same = expected == got
        failed += not same
        print(f"{'ok' if same else 'not ok'} {n} {' '.join(expected[0])}")
        if not same:
            print(f"# reference: {expected[1:]}\n# ours:      {got[1:]}")
    return 1 if failed else 0


sys.exit(main())
