#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the reference and ours side by side, measures the same things and prints the ratios.

    run.py [--quick] [--json FILE] [--markdown FILE] [MEASUREMENT...]

Each measurement is a function that returns its figure for one server; `bars` says what is asked of it. --markdown rewrites
the table between the markers in docs/PERFORMANCE.md."""

import argparse
import json
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import wire  # noqa: E402

BENCH_RPC = os.path.join(host.build_dir(), "tests", "bench", "bench-rpc")
REMOTE = wire.program("remote")
CONF = host.CONF_OPEN + "max_clients = 6000\nmax_anonymous_clients = 100\n"
SECONDS = 3.0
PAIRS = 6
TURNS = 4
PAIRS_OF_DAEMONS = 3
SERVER_CPU, BULLY_CPU = 1, 0

DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='KiB'>262144</memory>
  <currentMemory unit='KiB'>262144</currentMemory>
  <vcpu placement='static'>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
  </features>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/{name}.qcow2'/>
      <target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x04' function='0x0'/>
    </disk>
    <controller type='usb' index='0' model='piix3-uhci'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x2'/>
    </controller>
    <controller type='pci' index='0' model='pci-root'/>
    <interface type='user'>
      <mac address='52:54:00:{mac}'/>
      <model type='virtio'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/>
    </interface>
    <serial type='pty'>
      <target type='isa-serial' port='0'>
        <model name='isa-serial'/>
      </target>
    </serial>
    <console type='pty'>
      <target type='serial' port='0'/>
    </console>
    <input type='mouse' bus='ps2'/>
    <input type='keyboard' bus='ps2'/>
    <audio id='1' type='none'/>
    <memballoon model='virtio'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>
    </memballoon>
  </devices>
</domain>
"""


class Side:
    """One of the two servers: how it is started, and on which sockets its QEMU driver answers."""

    def __init__(self, name):
        self.name = name
        self.program = host.REFERENCE if name == "reference" else host.daemon_program("virtqemud")
        self.sockets = host.LIBVIRT_SOCKETS if name == "reference" else host.sockets_of("virtqemud")

    def start(self, h, prefix=("prlimit", "--nofile=16384:16384")):
        return h.start(self.program, sockets=self.sockets, conf=CONF, prefix=prefix)


def bench(mode, sock, *args, seconds=SECONDS, **options):
    """Runs bench-rpc; returns its JSON."""
    command = [BENCH_RPC, "--socket", sock, "--seconds", str(seconds)]
    for key, value in options.items():
        for v in value if isinstance(value, list) else [value]:
            command += ["--" + key.replace("_", "-"), str(v)]
    out = subprocess.run([*command, *args, mode], stdout=subprocess.PIPE, check=True, text=True).stdout
    return json.loads(out)


def pin(daemon, cpu=SERVER_CPU):
    """The threads that it has; those that it makes later are like the one that makes them."""
    for thread in os.listdir(f"/proc/{daemon.pid}/task"):
        try:
            os.sched_setaffinity(int(thread), {cpu})
        except ProcessLookupError:
            pass  # one that ended meanwhile


def cpu_cost(sock, daemons, seconds=None, **options):
    """Microseconds of CPU that a call takes of the client and the daemons, all on one CPU: what it would last if nothing else
    ran on the machine."""
    return bench("calls", sock, cpu=SERVER_CPU, charge=[d.pid for d in daemons], seconds=seconds or SECONDS / PAIRS,
                 **options)["cpu_us"]


def least_costs(*cases):
    """The least that a call costs in each case, a function that measures it once, in rounds of one after the other: what else
    the machine does makes some rounds dearer, what the daemon does is in all."""
    costs = [[case() for case in cases] for _ in range(TURNS)]
    return [min(column) for column in zip(*costs)]


def in_several_pairs(measure):
    """The median of a measurement in several pairs of fresh daemons: where the kernel happens to put a process's pages makes
    one of two same daemons up to a tenth dearer for all its life."""
    return lambda side: statistics.median(measure(side) for _ in range(PAIRS_OF_DAEMONS))


def pss_megabytes(daemon):
    with open(f"/proc/{daemon.pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


def domain_uuid(i):
    return uuid.UUID(int=0x10000000_0000_4000_8000_000000000000 + i)


def write_domains(h, count):
    for i in range(count):
        mac = ":".join(f"{b:02x}" for b in struct.pack(">I", i)[1:])
        h.write(DOMAIN.format(name=f"guest{i}", uuid=domain_uuid(i), mac=mac), "etc", "qemu", f"guest{i}.xml")


def warm(side, h):
    """Once up and down, so that the cache of what QEMU can do is filled and is not measured: the reference asks QEMU when it
    starts, ours when somebody wants to know."""
    daemon = side.start(h)
    with wire.Connection(daemon.socket("-sock"), timeout=120) as c:
        c.open("qemu:///system")
        c.call("CONNECT_GET_DOMAIN_CAPABILITIES", emulatorbin=None, arch=None, machine=None, virttype="qemu", flags=0)
    daemon.stop()


def count_domains(sock):
    with wire.Connection(sock, timeout=120) as c:
        c.open("qemu:///system")
        return c.call("CONNECT_LIST_ALL_DOMAINS", need_results=1, flags=0)["ret"]


def payload_file(h, name, payloads):
    path = h.path(name)
    with open(path, "wb") as f:
        for p in payloads:
            f.write(struct.pack(">I", len(p)) + p)
    return path


def list_args():
    return REMOTE.encode("remote_connect_list_all_domains_args", {"need_results": 1, "flags": 0})


def dumpxml_args(i):
    dom = {"name": f"guest{i}", "uuid": domain_uuid(i).bytes, "id": -1}
    return REMOTE.encode("remote_domain_get_xml_desc_args", {"dom": dom, "flags": 0})


# Measurements. Each takes a side and returns one figure (or None where the side has no such thing).

def pipelined(side):
    with host.Host() as h:
        return bench("calls", side.start(h).socket("-sock"), connections=16, outstanding=4)["per_second"]


def one_at_a_time(side):
    with host.Host() as h:
        daemon = side.start(h)
        pin(daemon)
        return bench("calls", daemon.socket("-sock"), cpu=SERVER_CPU)["mean_us"]


def socket_floor(side):
    return bench("floor", "-", cpu=SERVER_CPU)["mean_us"]


def proxied(h, side):
    return side.start(h), host.start_ours(h, "virtproxyd", conf=CONF)


def proxy_share(side):
    """Of the work that a call is without virtproxyd, to what it is with it."""
    if side.name == "reference":
        return None
    with host.Host() as h:
        daemons = proxied(h, side)
        for daemon in daemons:
            pin(daemon)
        shares = []
        for _ in range(PAIRS):
            direct, through = (cpu_cost(d.socket("-sock"), daemons, connections=16, outstanding=4) for d in daemons)
            shares.append(100 * direct / through)
        return statistics.median(shares)


def proxy_rate(side):
    """The same as the client sees it, with three processes where the scheduler puts them."""
    if side.name == "reference":
        return None
    with host.Host() as h:
        daemons = proxied(h, side)

        def rate(daemon):
            return bench("calls", daemon.socket("-sock"), seconds=SECONDS / PAIRS, connections=16, outstanding=4)["per_second"]

        shares = []
        for _ in range(2 * PAIRS):
            direct, through = map(rate, daemons)
            shares.append(100 * through / direct)
        return statistics.median(shares)


def connects(side):
    with host.Host() as h:
        daemon = side.start(h)
        pin(daemon)
        return bench("connect", daemon.socket("-sock"), cpu=SERVER_CPU)["per_second"]


def list_all(side):
    with host.Host() as h:
        write_domains(h, 1000)
        daemon = side.start(h)
        sock = daemon.socket("-sock")
        assert count_domains(sock) == 1000, "not all domains were loaded"
        payloads = payload_file(h, "list", [list_args()])
        proc = REMOTE.procs["CONNECT_LIST_ALL_DOMAINS"]["num"]
        return bench("calls", sock, proc=proc, payloads=payloads)["mean_us"] / 1000


def dumpxml(side):
    with host.Host() as h:
        write_domains(h, 1000)
        sock = side.start(h).socket("-sock")
        assert count_domains(sock) == 1000, "not all domains were loaded"
        payloads = payload_file(h, "dumpxml", [dumpxml_args(i) for i in range(1000)])
        proc = REMOTE.procs["DOMAIN_GET_XML_DESC"]["num"]
        result = bench("calls", sock, proc=proc, payloads=payloads, connections=16, outstanding=4)
        assert result["errors"] == 0, "dumpxml failed"
        return result["per_second"]


def activate(side, h):
    """Seconds from a client's connect on a socket that only the activator holds, to the answered list."""
    name = os.path.basename(side.program)
    path = h.path("run", "libvirt", side.sockets[0])
    if os.path.exists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    conf = h.write(CONF, f"{name}.conf")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    # The shell keeps its process id through the exec, which is what LISTEN_PID must be.
    script = f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_FDNAMES={name}.socket LISTEN_PID=$$ exec "$@"'
    command = ["sh", "-c", script, "sh", *h.enter([side.program, "-f", conf])]
    with open(h.path("activated.log"), "ab") as log:
        start = time.monotonic()
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=log, stderr=log)
        try:
            count = count_domains(path)
            return time.monotonic() - start, count
        finally:
            process.terminate()
            process.wait()
            listener.close()


def cold_start_of(side, count, repeats=3):
    with host.Host() as h:
        write_domains(h, count)
        warm(side, h)
        runs = [activate(side, h) for _ in range(repeats)]
        assert all(n == count for _, n in runs), f"listed {runs}, defined {count}"
        return 1000 * min(seconds for seconds, _ in runs)


def cold_start(side):
    return cold_start_of(side, 1000)


def growth(side):
    return cold_start_of(side, 10000, repeats=1) / cold_start_of(side, 1000, repeats=1)


def pss_idle(side):
    with host.Host() as h:
        daemon = side.start(h)
        count_domains(daemon.socket("-sock"))
        time.sleep(1)
        return pss_megabytes(daemon)


def pss_domains(side):
    with host.Host() as h:
        write_domains(h, 1000)
        daemon = side.start(h)
        assert count_domains(daemon.socket("-sock")) == 1000, "not all domains were loaded"
        time.sleep(1)
        return pss_megabytes(daemon)


def start_pinned(side, h, cpu=SERVER_CPU):
    daemon = side.start(h)
    pin(daemon, cpu)
    return daemon


@in_several_pairs
def idle_clients(side):
    """Calls that one client gets done among 5,000 idle ones, as a share of what one gets done that a second daemon has alone."""
    with host.Host() as h, host.Host() as other:
        crowded, empty = start_pinned(side, h), start_pinned(side, other)
        crowd = subprocess.Popen([BENCH_RPC, "--socket", crowded.socket("-sock"), "--connections", "5000", "idle"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert crowd.stdout.readline().startswith(b"ready"), "5,000 clients were not let in"
            among, alone = least_costs(*(lambda d=d: cpu_cost(d.socket("-sock"), [d], seconds=SECONDS / TURNS)
                                         for d in (crowded, empty)))
            return 100 * alone / among
        finally:
            crowd.stdin.close()
            crowd.wait()


class Bully:
    """A bad client in a process of its own and on a CPU of its own: what is measured is what it costs the daemon, not what it
    takes from the measuring client."""

    def __init__(self, function, sock):
        self.pid = os.fork()
        if self.pid == 0:
            os.sched_setaffinity(0, {BULLY_CPU})
            try:
                function(sock)
            finally:
                os._exit(0)

    def stop(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def stalled(sock):
    """Asks for much and never reads."""
    c = wire.Connection(sock, timeout=None)
    c.open("qemu:///system")
    call = wire.frame(REMOTE.procs["CONNECT_GET_CAPABILITIES"]["num"])
    while True:
        c.send(call)


def garbage(sock):
    """Connects and sends noise, again and again."""
    noise = random.Random(1)
    while True:
        with wire.Connection(sock) as c:
            try:
                c.send(noise.randbytes(4096))
            except wire.Closed:
                pass


def flood(sock):
    """Sends calls as fast as it can, far more than it waits for."""
    subprocess.run([BENCH_RPC, "--socket", sock, "--connections", "1", "--outstanding", "1000", "--seconds", "3600", "calls"],
                   check=False, preexec_fn=host._die_with_parent)


def knock(sock):
    """Connects and hangs up, again and again."""
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(sock)


def reconnect(sock):
    """Connects, opens and closes again and again, as fast as it can."""
    subprocess.run([BENCH_RPC, "--socket", sock, "--connections", "4", "--seconds", "3600", "connect"],
                   check=False, preexec_fn=host._die_with_parent)


def slowdown(function):
    """Of a client by a bad one. Without it, the bad one is busy with a second daemon beside it: two CPUs may be one core's, so
    that whatever runs on one slows the other."""
    @in_several_pairs
    def measure(side):
        with host.Host() as h, host.Host() as other:
            daemon, decoy = start_pinned(side, h), start_pinned(side, other, BULLY_CPU)

            def cost(victim):
                bully = Bully(function, victim.socket("-sock"))
                time.sleep(0.2)
                try:
                    return cpu_cost(daemon.socket("-sock"), [daemon], seconds=SECONDS / TURNS)
                finally:
                    bully.stop()
                    time.sleep(0.1)

            alone, bullied = least_costs(lambda: cost(decoy), lambda: cost(daemon))
            return 100 * (bullied / alone - 1)
    return measure


# name: (function, what, unit, bar on ours given (ours, reference), its text)
MEASUREMENTS = {
    "pipelined": (pipelined, "small calls, 16 connections, 4 outstanding each", "calls/s",
                  lambda o, r: r is None or o >= 15 * r, "≥ 15 × reference"),
    "one-at-a-time": (one_at_a_time, "one call at a time, client and daemon on one CPU", "µs", lambda o, r: o <= 12, "≤ 12 µs"),
    "floor": (socket_floor, "the socket alone, on one CPU", "µs", None, "for comparison"),
    "proxy": (proxy_share, "through virtproxyd, share of the direct rate, on one CPU", "%", lambda o, r: o >= 50, "≥ 50 %"),
    "proxy-rate": (proxy_rate, "the same, three processes on two CPUs", "%", lambda o, r: o >= 50, "≥ 50 %"),
    "connect": (connects, "connect, auth, open, close, on one CPU", "1/s", lambda o, r: r is None or o >= 4 * r, "≥ 4 × reference"),
    "list-all": (list_all, "list of 1,000 defined domains", "ms", lambda o, r: o <= 0.3, "≤ 0.3 ms"),
    "dumpxml": (dumpxml, "dumpxml of 1,000 domains, 16 × 4", "calls/s", lambda o, r: r is None or o >= 3 * r, "≥ 3 × reference"),
    "cold-start": (cold_start, "socket activation with 1,000 domains until they are listed", "ms", lambda o, r: o <= 150, "≤ 150 ms"),
    "growth": (growth, "the same with 10,000 domains, as a multiple of 1,000", "×", lambda o, r: o <= 11, "≤ 11 × (linear)"),
    "pss-idle": (pss_idle, "memory of the idle daemon (PSS)", "MB", lambda o, r: o <= 5, "≤ 5 MB"),
    "pss-1000": (pss_domains, "memory with 1,000 domains (PSS)", "MB", lambda o, r: o <= 20, "≤ 20 MB"),
    "idle-clients": (idle_clients, "rate of one client among 5,000 idle ones", "% of alone", lambda o, r: o >= 90, "≥ 90 %"),
    "stalled": (slowdown(stalled), "slowdown by a client that does not read", "%", lambda o, r: o <= 10, "≤ 10 %"),
    "garbage": (slowdown(garbage), "slowdown by a client that sends garbage", "%", lambda o, r: o <= 10, "≤ 10 %"),
    "knock": (slowdown(knock), "slowdown by a client that connects and hangs up again and again", "%", lambda o, r: o <= 10, "≤ 10 %"),
    "reconnect": (slowdown(reconnect), "slowdown by clients that connect, open and close again and again", "%",
                  lambda o, r: o <= 10, "≤ 10 %"),
    "flood": (slowdown(flood), "slowdown by a client that floods requests", "%", lambda o, r: o <= 10, "≤ 10 %"),
}


def figure(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def measure(measurement, sides):
    """{side: value}; a measurement that fails is reported with its reason instead of a figure."""
    out = {}
    for side in sides:
        try:
            out[side.name] = measurement[0](side)
        except Exception as e:  # pylint: disable=broad-except
            out[side.name] = None
            out[side.name + "_failed"] = f"{type(e).__name__}: {e}"[:300]
    return out


def row(measurement, result):
    _, what, unit, bar, text = measurement
    ours, reference = result.get("ours"), result.get("reference")
    ratio = ours / reference if ours and reference else None
    verdict = "" if bar is None else "not measured" if ours is None else "met" if bar(ours, reference) else "missed"
    return [what, unit, figure(reference), figure(ours), figure(ratio), text, verdict]


def table(rows):
    head = ["Measurement", "unit", "reference", "ours", "ours ÷ reference", "bar", ""]
    lines = ["| " + " | ".join(r) + " |" for r in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def rewrite(path, text, name):
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    with open(path, encoding="utf-8") as f:
        before, _, rest = f.read().partition(begin)
    after = rest.partition(end)[2]
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{before}{begin}\n{text}\n{end}{after}")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    return f"{os.cpu_count()} × {model}, Linux {os.uname().release}"


def main(measurements, name, description):
    """Measures, prints, and with --markdown rewrites the table that is called name."""
    global SECONDS
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter runs, rougher figures")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--markdown", metavar="FILE")
    parser.add_argument("--only", choices=("reference", "ours"))
    parser.add_argument("measurements", nargs="*", metavar="MEASUREMENT")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("benchmarks start daemons in private namespaces: run as root")
        return 77
    if args.quick:
        SECONDS = 1.0
    sides = [Side(n) for n in ("reference", "ours") if args.only in (None, n)]
    sides = [s for s in sides if s.name == "ours" or host.reference_program()]
    results, rows = {}, []
    for key in args.measurements or measurements:
        results[key] = measure(measurements[key], sides)
        rows.append(row(measurements[key], results[key]))
        print("{}: reference {}, ours {}, ratio {} {} (bar {}) {}".format(rows[-1][0], *rows[-1][2:5], rows[-1][1], *rows[-1][5:]),
              flush=True)
        for side, reason in results[key].items():
            if side.endswith("_failed"):
                print(f"    {side}: {reason}", flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
    if args.markdown:
        rewrite(args.markdown, f"{machine()}\n\n{table(rows)}", name)
    return 0


if __name__ == "__main__":
    sys.exit(main(MEASUREMENTS, "figures", __doc__))
