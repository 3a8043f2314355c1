#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long profiles take: one in a fresh process, a thousand hosts in one call, growth with hosts and with keys, peak
memory, and the same files as Ansible's template module makes them, in the same run.

usage: profiles.py VIRTHOST SOURCE-DIR [--no-ansible] [--check]

With --check the bars decide over the exit status: a profile in 5 ms, a thousand hosts in 1 s, 8 MB, 500 times faster
than Ansible for each host. Times are those of the processors (user and system), best of several runs, so that other work
on the machine does not count; the wall clock is printed beside them."""

import argparse
import glob
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ANSIBLE_HOSTS = 3
BASE = "compute-node.yaml"


def measure(arguments, runs, **more):
    """Best processor time and wall clock of a command, in seconds."""
    best_cpu = best_wall = float("inf")
    for _ in range(runs):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, **more)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best_wall = min(best_wall, time.perf_counter() - start)
        best_cpu = min(best_cpu, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best_cpu, best_wall


def peak_memory(arguments):
    """Peak resident size of a fresh process, in MB. time(1) starts it: a child of this process would count the memory
    that it had before its exec."""
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *arguments], check=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    return int(done.stderr.split()[-1]) / 1024


class Bench:
    def __init__(self, virthost, source, folder):
        self.virthost, self.source, self.folder = virthost, source, folder
        self.base = os.path.join(source, "profiles", "hosts", BASE)
        self.out = os.path.join(folder, "out")
        self.failures = []

    def say(self, name, value, unit, bar=None, more=""):
        within = bar is None or value <= bar
        print(f"{name:44} {value:10.2f} {unit:4}" + (f" bar {bar:g}" if bar is not None else "") +
              ("" if within else "  MISSED") + (f"  {more}" if more else ""), flush=True)
        if not within:
            self.failures.append(name)

    def layers(self, count):
        paths = []
        for i in range(count):
            path = os.path.join(self.folder, f"h{i}.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(f"include: {self.base}\nprofile: h{i}\nlimits: {{max_clients: {2000 + i}}}\n"
                        f"logging: {{level: {1 + i % 4}}}\nidle_timeout: {100 + i}\n")
            paths.append(path)
        return paths

    def compile(self, *profiles, runs=5):
        shutil.rmtree(self.out, ignore_errors=True)
        return measure([self.virthost, "compile", "-q", "-o", self.out, *profiles], runs)

    def one(self):
        cpu, wall = self.compile(self.base, runs=30)
        self.say("one profile, fresh process", cpu * 1000, "ms", 5, f"wall {wall * 1000:.2f} ms")
        memory = peak_memory([self.virthost, "compile", "-q", "-o", self.out, self.base])
        self.say("peak memory of it", memory, "MB", 8)

    def hosts(self):
        times = {}
        for count in (250, 500, 1000):
            times[count], wall = self.compile(*self.layers(count), runs=3)
            self.say(f"{count} hosts in one call", times[count], "s", 1 if count == 1000 else None, f"wall {wall:.2f} s")
        self.say("growth, 250 to 1000 hosts (4: linear)", times[1000] / times[250], "x", 5)
        return times[1000] / 1000

    def keys(self):
        """Directives of a unit: the one map that takes as many keys as one likes."""
        times = {}
        for count in (2000, 8000):
            path = os.path.join(self.folder, f"keys{count}.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write("profile: keys\nunits:\n  virtqemud.service:\n    Service:\n")
                f.writelines(f"      Key{i}: value\n" for i in range(count))
            times[count], _ = self.compile(path)
        self.say("growth, 2000 to 8000 keys (4: linear)", times[8000] / times[2000], "x", 6)

    def ansible(self, ours):
        """The files of one host as templates with one variable each, templated for a few hosts by one playbook."""
        self.compile(self.base, runs=1)
        files = [os.path.relpath(path, self.out) for path in glob.glob(self.out + "/**", recursive=True)
                 if os.path.isfile(path)]
        where = os.path.join(self.folder, "ansible")
        os.makedirs(where)
        tasks = []
        for i, name in enumerate(sorted(files)):
            shutil.copy(os.path.join(self.out, name), os.path.join(where, f"{i}.j2"))
            with open(os.path.join(where, f"{i}.j2"), "a", encoding="utf-8") as f:
                f.write("# {{ inventory_hostname }}\n")
            tasks.append(f"    - template: {{src: {i}.j2, dest: \"{where}/{{{{ inventory_hostname }}}}-{i}\"}}\n")
        with open(os.path.join(where, "play.yaml"), "w", encoding="utf-8") as f:
            f.write("- hosts: all\n  connection: local\n  gather_facts: false\n  tasks:\n" + "".join(tasks))
        inventory = "".join(f"h{i}," for i in range(ANSIBLE_HOSTS))
        cpu, wall = measure(["ansible-playbook", "-i", inventory, "play.yaml"], 1, cwd=where,
                            env=dict(os.environ, ANSIBLE_LOCALHOST_WARNING="0", LC_ALL="C.UTF-8"))
        each = cpu / ANSIBLE_HOSTS
        self.say(f"Ansible, {len(files)} files for a host", each, "s", None, f"wall {wall / ANSIBLE_HOSTS:.2f} s")
        self.say("times faster than Ansible, for each host", each / ours, "x")
        if each / ours < 500:
            self.failures.append("Ansible")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("virthost", type=os.path.abspath)
    parser.add_argument("source", type=os.path.abspath)
    parser.add_argument("--no-ansible", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    # In memory where that is to be had: a slow disk is nobody's merit.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="vh-bench-", dir=memory) as folder:
        bench = Bench(arguments.virthost, arguments.source, folder)
        bench.one()
        each = bench.hosts()
        bench.keys()
        if not arguments.no_ansible and shutil.which("ansible-playbook"):
            bench.ansible(each)
        elif not arguments.no_ansible:
            print("ansible-playbook is not installed: no comparison")
            bench.failures.append("Ansible")
    sys.exit(1 if arguments.check and bench.failures else 0)


if __name__ == "__main__":
    main()
