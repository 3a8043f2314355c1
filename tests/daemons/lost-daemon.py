#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An application on the stock bindings whose driver daemon ends behind virtproxyd: lost-daemon.py URI events|quiet. It
prints "ready", then what its callbacks hear: "closed REASON", "lifecycle NAME EVENT", "metadata NAME". Each line on stdin is
something to do: "call" and print the outcome, "deregister" the callback for metadata."""

import sys
import threading

import libvirt


def say(*words):
    print(*words, flush=True)


def call(conn, _callbacks):
    try:
        say("domains", conn.numOfDefinedDomains(), "alive", conn.isAlive())
    except libvirt.libvirtError as e:
        say("error", e.get_error_code(), "alive", conn.isAlive())


def deregister(conn, callbacks):
    conn.domainEventDeregisterAny(callbacks.pop())
    say("deregistered")


def main():
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda _context, _error: None, None)

    def events():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=events, daemon=True).start()
    conn = libvirt.open(sys.argv[1])
    conn.registerCloseCallback(lambda _conn, reason, _opaque: say("closed", reason), None)
    callbacks = []
    if sys.argv[2] == "events":
        # The ids of the daemon behind will be others: it counts from the beginning.
        conn.domainEventDeregisterAny(conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT,
                                                                  lambda *_args: None, None))
        callbacks = [
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                        lambda _conn, dom, event, _detail, _opaque: say("lifecycle", dom.name(), event), None),
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                                        lambda _conn, dom, _type, _uri, _opaque: say("metadata", dom.name()), None)]
    say("ready")
    for line in sys.stdin:
        {"call": call, "deregister": deregister}[line.strip()](conn, callbacks)


if __name__ == "__main__":
    main()
