#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An application on the stock bindings whose driver daemon ends behind virtproxyd: lost-daemon.py URI events|quiet. It
prints "ready", then what its close callback hears; after a line on stdin it makes a call and prints the outcome."""

import sys
import threading

import libvirt


def main():
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda _context, _error: None, None)

    def events():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=events, daemon=True).start()
    conn = libvirt.open(sys.argv[1])
    conn.registerCloseCallback(lambda _conn, reason, _opaque: print("closed", reason, flush=True), None)
    if sys.argv[2] == "events":
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda *_args: None, None)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print("domains", conn.numOfDomains(), "alive", conn.isAlive(), flush=True)
    except libvirt.libvirtError as e:
        print("error", e.get_error_code(), "alive", conn.isAlive(), flush=True)


if __name__ == "__main__":
    main()
