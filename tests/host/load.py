#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs inside a test host: clients that call without pause and connect again when they are cut off, while a unit is restarted
again and again, each time as soon as all of them are back. Prints how often a client had to connect, how many calls were
answered, and the longest time one waited for anything.

    load.py SOCKET URI CLIENTS RESTARTS UNIT"""

import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import wire  # noqa: E402


class Client(threading.Thread):
    def __init__(self, path, uri):
        super().__init__(daemon=True)
        self.path, self.uri = path, uri
        self.ended = threading.Event()
        self.calls = self.connects = 0
        self.longest = 0.0
        self.last = time.monotonic()

    def progress(self):
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        self.last = now

    def session(self):
        with wire.Connection(self.path, timeout=10) as c:
            c.open(self.uri)
            self.connects += 1
            while not self.ended.is_set():
                c.call("CONNECT_GET_LIB_VERSION")
                self.calls += 1
                self.progress()

    def run(self):
        while not self.ended.is_set():
            try:
                self.session()
            except (wire.Closed, wire.RpcError, OSError):
                time.sleep(0.02)


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def restart_below(clients, unit):
    """Cuts all off, and waits until each is connected anew and was answered."""
    before = [c.connects for c in clients]
    subprocess.run(["systemctl", "restart", unit], check=True)
    wait_until(lambda: all(c.connects > n for c, n in zip(clients, before)))
    calls = [c.calls for c in clients]
    wait_until(lambda: all(c.calls > n for c, n in zip(clients, calls)))


def main():
    path, uri, count, restarts, unit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    clients = [Client(path, uri) for _ in range(count)]
    for c in clients:
        c.start()
    wait_until(lambda: all(c.calls for c in clients))
    for _ in range(restarts):
        restart_below(clients, unit)
    for c in clients:
        c.ended.set()
    for c in clients:
        c.join(15)
    hung = sum(c.is_alive() for c in clients)
    print(f"hung={hung} connects={min(c.connects for c in clients)} calls={min(c.calls for c in clients)} "
          f"longest={max(c.longest for c in clients):.2f}")
    return 1 if hung else 0


if __name__ == "__main__":
    sys.exit(main())
