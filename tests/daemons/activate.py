#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a program as systemd would, with listening sockets:

    activate.py [NAME=ADDRESS]... -- PROGRAM [ARGUMENT]...

ADDRESS is the path of a UNIX socket or a TCP port. With NAME "-" no names are passed."""

import os
import socket
import sys

FIRST = 3


def listen(address):
    if not address.startswith("/"):
        return socket.create_server(("127.0.0.1", int(address)))
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.makedirs(os.path.dirname(address), exist_ok=True)
    s.bind(address)
    os.chmod(address, 0o666)
    s.listen()
    return s


def main():
    split = sys.argv.index("--")
    pairs = [a.split("=", 1) for a in sys.argv[1:split]]
    # Above the range that they are moved to, so that none is overwritten on the way.
    high = [os.dup2(listen(address).detach(), 100 + i) for i, (_, address) in enumerate(pairs)]
    for i, fd in enumerate(high):
        os.dup2(fd, FIRST + i, inheritable=True)
        os.close(fd)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(pairs))
    names = [name for name, _ in pairs]
    if "-" not in names:
        os.environ["LISTEN_FDNAMES"] = ":".join(names)
    os.execv(sys.argv[split + 1], sys.argv[split + 1:])


main()
