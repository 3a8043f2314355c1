# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypted images (LUKS 1) with a weak key derivation, which are made and opened at once: qemu-img measures the machine's speed
for a good one, and fails where it is busy."""

import hashlib
import os
import struct
import subprocess

KEY_BYTES = 16
STRIPES = 4000
ITERATIONS = 1000
SECTOR = 512
KEY_SECTOR = 8
PAYLOAD_SECTOR = 4096


def _encrypt(key, data):
    return subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nosalt", "-nopad", "-K", key.hex()], input=data, capture_output=True, check=True).stdout


def _diffuse(block):
    size = hashlib.sha256().digest_size
    parts = [block[i:i + size] for i in range(0, len(block), size)]
    return b"".join(hashlib.sha256(struct.pack(">I", i) + part).digest()[:len(part)] for i, part in enumerate(parts))


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def _split(key):
    """The key spread over many stripes, all of which are needed to get it back."""
    stripes, state = [], bytes(len(key))
    for _ in range(STRIPES - 1):
        stripes.append(os.urandom(len(key)))
        state = _diffuse(_xor(state, stripes[-1]))
    return b"".join(stripes) + _xor(state, key)


def make(path, passphrase, size):
    """An image of size bytes that opens with the passphrase."""
    key, salt, digest_salt = os.urandom(KEY_BYTES), os.urandom(32), os.urandom(32)
    digest = hashlib.pbkdf2_hmac("sha256", key, digest_salt, ITERATIONS, 20)
    slot_key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, KEY_BYTES)
    sectors = -(-KEY_BYTES * STRIPES // SECTOR)
    header = struct.pack(">6sH32s32s32sII20s32sI40s", b"LUKS\xba\xbe", 1, b"aes", b"ecb-plain64", b"sha256", PAYLOAD_SECTOR, KEY_BYTES, digest,
                         digest_salt, ITERATIONS, b"3f1c5cf4-0a0b-4f0c-9d5e-000000000001")
    slots = struct.pack(">II32sII", 0x00AC71F3, ITERATIONS, salt, KEY_SECTOR, STRIPES)
    for i in range(1, 8):
        slots += struct.pack(">II32sII", 0x0000DEAD, 0, bytes(32), KEY_SECTOR + i * (sectors + 8), STRIPES)
    with open(path, "wb") as f:
        f.write(header + slots)
        f.seek(KEY_SECTOR * SECTOR)
        f.write(_encrypt(slot_key, _split(key)))
        f.truncate(PAYLOAD_SECTOR * SECTOR + size)


def make_qcow2(path, passphrase, size):
    """An empty qcow2 image of size bytes, at most half a gigabyte, whose guest's bytes are encrypted like that."""
    cluster = 65536
    make(path, passphrase, 0)
    with open(path, "rb") as f:
        inner = f.read()
    clusters = 4 + len(inner) // cluster
    head = struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, 16, size, 2, 1, 3 * cluster, cluster, 1, 0, 0, 0, 0, 0, 4, 104)
    head += struct.pack(">IIQQ", 0x0537be77, 16, 4 * cluster, len(inner))
    parts = [head, struct.pack(">Q", 2 * cluster), struct.pack(">H", 1) * clusters, b""]
    with open(path, "wb") as f:
        f.write(b"".join(part.ljust(cluster, b"\0") for part in parts) + inner)
