#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that run, on the reference and on ours: how long starts take beside QEMU itself, what many guests cost, and what one
that hangs costs the others. Options and table as run.py has them.

Guests are as small as they get, without devices, and stay paused: what is measured is the daemon."""

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

import run
import guesthost
import wire

from run import host  # noqa: E402

CROWD = 50
STARTS = 15
RESTARTS = 7
QEMU = "/usr/bin/qemu-system-x86_64"
GUEST = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory>16384</memory>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/><memballoon model='none'/>
</devices></domain>"""
PAUSED = 1


class Guests(guesthost.GuestHost):
    """All guests are defined, none runs."""

    def __init__(self, side, count):
        super().__init__()
        self.side = side
        for i in range(count):
            self.write(GUEST.format(name=f"g{i}", uuid=run.domain_uuid(i)), "etc", "qemu", f"g{i}.xml")
        run.warm(side, self)
        self.start_daemon()

    def start_daemon(self):
        self.daemon = self.side.start(self)
        self.sock = self.daemon.socket("-sock")

    def connect(self):
        c = wire.Connection(self.sock, timeout=120)
        c.open("qemu:///system")
        return c

    def pids(self):
        folder = self.path("run", "libvirt", "qemu")
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith(".pid") and name != "driver.pid":
                with open(os.path.join(folder, name), encoding="ascii") as f:
                    yield name[:-4], int(f.read())


def guest(i):
    return {"name": f"g{i}", "uuid": run.domain_uuid(i).bytes, "id": -1}


def start(c, i):
    c.call("DOMAIN_CREATE_WITH_FLAGS", dom=guest(i), flags=PAUSED)


def qemu_by_hand():
    """QEMU with the machine of the guests, in a session of its own as theirs are (the scheduler shares by sessions)."""
    command = [QEMU, "-S", "-no-user-config", "-nodefaults", "-display", "none", "-machine", "pc-i440fx-7.2,usb=off",
               "-accel", "tcg", "-m", "16", "-qmp", "stdio"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,  # pylint: disable=consider-using-with
                            start_new_session=True)


def qemus_alone(count):
    """Seconds until QEMUs that are started at once all answer on their monitors."""
    begin = time.monotonic()
    processes = [qemu_by_hand() for _ in range(count)]
    for process in processes:
        process.stdout.readline()
        process.stdin.write(b'{"execute":"qmp_capabilities"}\n')
        process.stdin.flush()
    for process in processes:
        assert b"return" in process.stdout.readline()
    seconds = time.monotonic() - begin
    for process in processes:
        process.kill()
        with process:
            pass
    return seconds


def start_time(side):
    """Of a start without QEMU's own time: medians, measured by turns."""
    whole, own = [], []
    with Guests(side, 1) as h, h.connect() as c:
        for _ in range(STARTS):
            own.append(qemus_alone(1))
            begin = time.monotonic()
            start(c, 0)
            whole.append(time.monotonic() - begin)
            c.call("DOMAIN_DESTROY", dom=guest(0))
    return 1000 * (statistics.median(whole) - statistics.median(own))


def start_crowd(h):
    """Seconds until guests that as many clients start at once all run."""
    clients = [h.connect() for _ in range(CROWD)]
    ready = threading.Barrier(CROWD + 1)
    failed = []

    def one(i):
        ready.wait()
        try:
            start(clients[i], i)
        except Exception as e:  # pylint: disable=broad-except
            failed.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(CROWD)]
    for t in threads:
        t.start()
    ready.wait()
    begin = time.monotonic()
    for t in threads:
        t.join()
    seconds = time.monotonic() - begin
    for c in clients:
        c.sock.close()
    assert not failed, failed[0]
    return seconds


def crowd(side):
    with Guests(side, CROWD) as h:
        return start_crowd(h)


def crowd_by_hand(_side):
    return qemus_alone(CROWD)


def stats_args():
    return run.REMOTE.encode("remote_connect_get_all_domain_stats_args", {"doms": [], "stats": 0, "flags": 0})


def stats_call(h):
    return {"proc": run.REMOTE.procs["CONNECT_GET_ALL_DOMAIN_STATS"]["num"],
            "payloads": run.payload_file(h, "stats", [stats_args()])}


def stats_defined(side):
    with host.Host() as h:
        run.write_domains(h, 1000)
        h.daemon = side.start(h)
        h.sock = h.daemon.socket("-sock")
        assert run.count_domains(h.sock) == 1000, "not all domains were loaded"
        run.pin(h.daemon)
        return run.least_costs(lambda: run.cpu_cost(h.sock, [h.daemon], **stats_call(h)))[0] / 1000


def stats_running(side):
    with Guests(side, CROWD) as h:
        start_crowd(h)
        result = run.bench("calls", h.sock, **stats_call(h))
        assert result["errors"] == 0, "domstats failed"
        return result["mean_us"] / 1000


def restart_once(h):
    h.daemon.stop(signal.SIGKILL)
    begin = time.monotonic()
    h.start_daemon()
    with h.connect() as c:
        for i in range(CROWD):
            reply = c.call("DOMAIN_MONITOR_COMMAND", _prog="qemu", dom=guest(i), cmd='{"execute":"query-status"}', flags=0)
            assert json.loads(reply["result"])["return"]["status"] in ("prelaunch", "paused"), reply
    return time.monotonic() - begin


def restart(side):
    """Milliseconds from the start of a daemon that finds running guests to an answer from all of their monitors: the median of
    several daemons, of which each is killed."""
    with Guests(side, CROWD) as h:
        start_crowd(h)
        return 1000 * statistics.median(restart_once(h) for _ in range(RESTARTS))


def rss(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def memory(side):
    """kB that a running guest adds to a daemon, which knew its definition before."""
    with Guests(side, CROWD) as h:
        run.count_domains(h.sock)
        before = rss(h.daemon)
        start_crowd(h)
        time.sleep(3)
        return (rss(h.daemon) - before) / CROWD


def seconds_of(function):
    begin = time.monotonic()
    function()
    return time.monotonic() - begin


def hung(side):
    """The slowest of many calls about a guest beside one that QEMU does not answer for, while a call about that one waits. The
    best of some rounds: what the rest of the machine does hits one or the other, what the daemon does hits all."""
    with Guests(side, 2) as h, h.connect() as c, h.connect() as waiting:
        start(c, 0)
        start(c, 1)
        stuck = dict(h.pids())["g1"]
        os.kill(stuck, signal.SIGSTOP)
        waiting.post("DOMAIN_RESUME", dom=guest(1))
        time.sleep(0.2)
        best = min(max(seconds_of(lambda: c.call("DOMAIN_GET_INFO", dom=guest(0))) for _ in range(100)) for _ in range(10))
        os.kill(stuck, signal.SIGCONT)
        return 1000 * best


def below(share):
    return lambda ours, reference: reference is None or ours <= share * reference


# As in run.py.
MEASUREMENTS = {
    "start": (start_time, "start of a guest, without QEMU's own time", "ms", below(0.6), "≤ 0.6 × reference"),
    "start-crowd": (crowd, "50 guests started by 50 clients at once", "s", below(0.5), "≤ 0.5 × reference"),
    "qemu-crowd": (crowd_by_hand, "50 QEMUs started by hand at once", "s", None, "for comparison"),
    "stats-defined": (stats_defined, "statistics of 1,000 defined domains, CPU time of a call", "ms", lambda o, r: o <= 1.5, "≤ 1.5 ms"),
    "stats-running": (stats_running, "statistics of 50 running guests", "ms", below(0.3), "≤ 0.3 × reference"),
    "restart": (restart, "restart of the daemon until 50 running guests answer", "ms", below(0.5), "≤ 0.5 × reference"),
    "hung": (hung, "slowest of 100 calls beside a guest that hangs", "ms", lambda o, r: o <= 5, "≤ 5 ms"),
    "memory": (memory, "memory of a running guest in the daemon (RSS), after 3 s of rest", "kB", lambda o, r: o <= 150, "≤ 150 kB"),
}

if __name__ == "__main__":
    sys.exit(run.main(MEASUREMENTS, "figures of guests", __doc__))
