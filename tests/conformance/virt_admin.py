# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock virt-admin: every command it has, against a daemon with one connected client."""

import os
import re
import subprocess

import wire

COMMANDS = """
srv-list
srv-threadpool-info libvirtd
srv-threadpool-set libvirtd --max-workers 30 --min-workers 3
srv-threadpool-info libvirtd
srv-threadpool-set libvirtd --max-workers 2
srv-threadpool-set libvirtd --priority-workers 7
srv-threadpool-info libvirtd
srv-threadpool-info nosuch
srv-clients-info libvirtd
srv-clients-set libvirtd --max-clients 100 --max-unauth-clients 10
srv-clients-info libvirtd
srv-clients-set libvirtd --max-clients 5
client-list libvirtd
client-info libvirtd {client}
client-info libvirtd 9999
client-disconnect libvirtd {client}
client-disconnect libvirtd {client}
client-list nosuch
dmn-log-info
dmn-log-filters
dmn-log-filters "1:rpc 3:util"
dmn-log-filters
dmn-log-filters "nonsense"
dmn-log-filters ""
dmn-log-outputs
dmn-log-outputs "2:stderr"
dmn-log-outputs
dmn-log-outputs "9:nowhere"
srv-update-tls libvirtd
""".strip().split("\n")

VOLATILE = [(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}"), "TIME"), (re.compile(r"(unix_process_id *: )\d+"), r"\1PID"),
            (re.compile(r"^(freeWorkers|nWorkers|jobQueueDepth|nclients_unauth) *: .*$", re.M), r"\1 VOLATILE"),
            (re.compile(r"^( *)\d+( +)unix", re.M), r"\1ID\2unix"), (re.compile(r"^(id *: |Client ')\d+", re.M), r"\1ID"),
            (re.compile(r"(matching ID ')\d+"), r"\1ID")]


def virt_admin(uri, command):
    p = subprocess.run(["virt-admin", "-q", "-c", uri, command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=20, check=False, env={**os.environ, "LC_ALL": "C"})
    return p.returncode, p.stdout


def run(server):
    uri = f"libvirtd+unix:///system?socket={server.socket('admin')}"
    results = {}
    with wire.Connection(server.socket("rw")) as client:
        client.open("test:///default")
        listed = virt_admin(uri, "client-list libvirtd")[1]
        number = re.search(r"^ *(\d+) ", listed, re.M)
        for i, command in enumerate(COMMANDS):
            status, out = virt_admin(uri, command.format(client=number.group(1) if number else "1"))
            for pattern, word in VOLATILE:
                out = pattern.sub(word, out)
            if command == "srv-list":  # in no particular order
                out = "\n".join(sorted(line.split()[-1] for line in out.split("\n") if line.strip()))
            results[f"{i:02} {command}"] = [f"exit {status}", *(line.rstrip() for line in out.split("\n") if line.strip())]
        try:
            client.call("CONNECT_GET_HOSTNAME")
            results["disconnected client"] = "still there"
        except wire.Closed:
            results["disconnected client"] = "closed"
    return results
