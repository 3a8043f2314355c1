# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates for tests, made with openssl(1)."""

import functools
import os
import subprocess
import tempfile

PLACES = {"ca": "/etc/pki/CA/cacert.pem", "certificate": "/etc/pki/libvirt/servercert.pem",
          "key": "/etc/pki/libvirt/private/serverkey.pem"}


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def key(name, folder):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name, folder=folder)


def authority(name, folder):
    key(f"{name}.key", folder)
    openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "365", "-out", f"{name}.pem", folder=folder)


def server(name, ca, days, usage, folder):
    with open(os.path.join(folder, "ext"), "w", encoding="utf-8") as f:
        f.write(usage)
    openssl("req", "-new", "-key", "server.key", "-subj", "/CN=host", "-out", "csr", folder=folder)
    openssl("x509", "-req", "-in", "csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", str(days),
            "-extfile", "ext", "-out", f"{name}.pem", folder=folder)


@functools.cache
def texts():
    """{name: text} of two authorities, two keys and certificates that are good, expired, about to, and for clients."""
    with tempfile.TemporaryDirectory() as folder:
        authority("ca", folder)
        authority("other-ca", folder)
        key("server.key", folder)
        key("other.key", folder)
        for name, ca, days, usage in (("good", "ca", 200, "extendedKeyUsage=serverAuth"), ("expired", "ca", -1, ""), ("soon", "ca", 3, ""),
                                      ("client", "ca", 200, "extendedKeyUsage=clientAuth")):
            server(name, ca, days, usage, folder)
        out = {}
        for name in os.listdir(folder):
            if name.endswith((".pem", ".key")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    out[name] = f.read()
        return out


def install(root, certificate="good.pem", ca="ca.pem", private="server.key", mode=0o600):
    """root.write() puts files; None: no such file."""
    for what, name in (("ca", ca), ("certificate", certificate), ("key", private)):
        if name is not None:
            root.write(PLACES[what], texts().get(name, name))
    if private is not None:
        os.chmod(root.place(PLACES["key"]), mode)
