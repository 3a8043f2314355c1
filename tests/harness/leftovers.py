# SPDX-License-Identifier: LGPL-2.1-or-later
"""What guests have of a host while they run, and not for longer."""

import fcntl
import json
import os
import subprocess

LABEL = "trusted.libvirt.security."
# Programs beside guests.
BESIDE = ("virtiofsd", "swtpm", "swtpm_setup", "qemu-pr-helper")


def label(path):
    """Whom the file belongs to, if not as we made it."""
    st = os.stat(path)
    memory = {key: os.getxattr(path, key) for key in os.listxattr(path) if key.startswith(LABEL)}
    return f"{path}: {st.st_uid}:{st.st_gid} {memory}" if memory or st.st_uid or st.st_gid else ""


def locked(path):
    """Whether somebody holds it: as another host would see it."""
    with open(path, "r+b") as f:
        try:
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
        except OSError:
            return True
    return False


def processes(root, inside):
    """The arguments of those that have the folder in them, or are in the place that the process inside is in."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                words = f.read().split("\0")
            if root in "\0".join(words) or os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink(f"/proc/{inside}/ns/mnt"):
                found.append(words)
        except OSError:
            continue
    return found


def files(host):
    """What belongs to guests, without logs and the cache."""
    return [os.path.join(folder, name) for top in (host.path("run", "libvirt"), host.path("lib"), host.path("etc"))
            for folder, _, names in os.walk(top) for name in [*names, ""]]


def inventory(host, images=()):
    """Files, network devices, programs beside guests; labels and locks of the images. A set of lines."""
    links = subprocess.run(host.enter(["ip", "-j", "link"]), stdout=subprocess.PIPE, check=True).stdout
    there = [path for path in images if os.path.exists(path)]
    helpers = [words for words in processes(host.root, host.holder.pid) if os.path.basename(words[0]) in BESIDE]
    # The folder that guests' folders of memory are in stays.
    return {*(f"file {f}" for f in files(host) if not f.endswith("/qemu/ram/")), *(f"process {words}" for words in helpers),
            *(f"link {link['ifname']}" for link in json.loads(links)),
            *(f"label {label(path)}" for path in there if label(path)), *(f"lock {path}" for path in there if locked(path))}
