#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Capabilities and CPUs: what virtqemud says of the host, of the QEMU programs and of CPU models, and what it
starts guests with, is the same as from Debian's libvirtd on the same machine, without KVM. Answers are compared as text; of XML errors the place that ours name is left out.
Prints TAP."""

import os
import random
import re
import sys

import libvirt

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))

import host  # noqa: E402
import tap  # noqa: E402

PLACE = re.compile(r" at /\S+( \(line \d+\))?$")
UUID = re.compile(r"<uuid>.*?</uuid>")
X86 = "<arch>x86_64</arch>"
RANDOM_CASES = 300
# Of the random cases: where several models come close, the reference's choice is not always reproduced.
RANDOM_MAY_DIFFER = 3
# QEMU programs besides those for x86; a CPU model of each architecture, another one, and a feature.
ARCHS = ("aarch64", "arm", "ppc64", "s390x", "riscv64")
MODELS = {"aarch64": ("cortex-a57", "cortex-a53", "sve"), "armv7l": ("cortex-a15", "cortex-a7", "foo"), "ppc64": ("POWER8", "POWER9", "foo"),
          "ppc64le": ("POWER8", "POWER9", "foo"), "s390x": ("z13-base", "z14-base", "vx"), "riscv64": ("rv64", "x", "foo"), "mips": ("x", "y", "foo")}
# Its baselines are QEMU's, which is not asked for them.
NO_QEMU_BASELINE = ("s390x",)


def cpu(model, features="", attributes="", arch="", vendor=""):
    return f"<cpu{attributes}>{arch}<model>{model}</model>{vendor}{features}</cpu>"


def feature(name, policy="require"):
    return f"<feature policy='{policy}' name='{name}'/>"


DOCUMENTS = [
    cpu("486"), cpu("486", attributes=" match='strict'"), cpu("486", attributes=" match='minimum'"), cpu("486", arch=X86),
    cpu("486", arch=X86, attributes=" match='exact'"), cpu("486", arch="<arch>i686</arch>"),
    cpu("cortex-a53", arch="<arch>aarch64</arch>"), cpu("486", arch="<arch>foo</arch>"), cpu("EPYC"), cpu("Haswell"),
    cpu("Nehalem"), cpu("486", vendor="<vendor>AMD</vendor>"), cpu("486", vendor="<vendor>foo</vendor>"), cpu("foo"),
    cpu("486", feature("foo")), cpu("486", feature("svm")), cpu("486", feature("svm", "force")),
    cpu("486", feature("svm", "optional")), cpu("486", feature("aes", "forbid")), cpu("486", feature("aes", "disable")),
    cpu("486", feature("aes", "bla")), cpu("486", "<feature policy='disable'/>"),
    cpu("486", feature("aes") + feature("aes", "disable")), "<cpu mode='host-model'/>", "<cpu mode='host-passthrough'/>",
    f"<cpu mode='host-model'>{feature('svm')}</cpu>", cpu("486", attributes=" mode='custom'", arch=X86),
    cpu("486", attributes=" mode='xx'"), cpu("486", attributes=" match='xx'"), "<cpu/>", f"<cpu>{X86}</cpu>",
    f"<cpu>{feature('aes')}</cpu>", "<cpu><model fallback='bla'>486</model></cpu>", "<cpu><model></model></cpu>",
    "<cpu><model vendor_id='abc'>486</model></cpu>", "<cpu><vendor>Intel</vendor></cpu>", "<cpu", "<foo/>",
    f"<cpu>{X86}<model>486</model><signature family='a'/></cpu>", f"<cpu>{X86}<model>486</model><microcode version='x'/></cpu>",
    cpu("486", arch=X86, attributes=" migratable='on'"),
    cpu("Nehalem", feature("aes") + feature("popcnt", "disable") + feature("avx", "optional") + feature("smap", "forbid")),
    cpu("Nehalem", feature("invtsc") + feature("aes")),
]
SETS = [
    [cpu("Haswell", arch=X86, vendor="<vendor>Intel</vendor>"), cpu("Broadwell", arch=X86, vendor="<vendor>Intel</vendor>")],
    [cpu("Haswell", arch=X86), cpu("EPYC", arch=X86)],
    [cpu("Haswell", arch=X86, vendor="<vendor>Intel</vendor>"), cpu("EPYC", arch=X86)],
    [cpu("Haswell", arch=X86), cpu("Haswell", arch=X86, vendor="<vendor>AMD</vendor>")],
    [cpu("POWER8", arch="<arch>ppc64</arch>"), cpu("POWER9", arch="<arch>ppc64</arch>")],
    [cpu("z13", arch="<arch>s390x</arch>")], [cpu("x", arch="<arch>mips</arch>")],
    [cpu("EPYC"), cpu("Opteron_G3")], [cpu("Haswell"), cpu("Nehalem")], [cpu("qemu64")],
]
PLACES = [
    {}, {"machine": "q35"}, {"machine": "microvm"}, {"machine": "isapc"}, {"machine": "pc-q35-2.4"}, {"arch": "i686"},
    {"emulatorbin": "/usr/bin/qemu-system-x86_64", "arch": "i686"}, {"virttype": "qemu"}, {"virttype": "kvm"},
    {"virttype": "foo"}, {"arch": "foo"}, {"arch": "aarch64"}, {"machine": "foo"}, {"machine": "none"},
    {"arch": "aarch64", "machine": "virt"}, {"arch": "aarch64", "machine": "virt-2.6"}, {"arch": "aarch64", "machine": "pc"},
    {"arch": "aarch64", "machine": "virt", "virttype": "kvm"}, {"arch": "armv7l"}, {"arch": "armv7l", "machine": "virt"}, {"arch": "armv6l"},
    {"emulatorbin": "/usr/bin/qemu-system-aarch64", "arch": "armv7l", "machine": "virt"}, {"arch": "ppc64"}, {"arch": "ppc64le"},
    {"arch": "ppc64", "machine": "powernv9"}, {"emulatorbin": "/usr/bin/qemu-system-ppc64", "arch": "ppc64le"}, {"arch": "s390x"},
    {"arch": "s390x", "machine": "none"}, {"arch": "riscv64"}, {"arch": "riscv64", "machine": "virt"}, {"arch": "mips"},
    {"emulatorbin": "/nonexistent"}, {"emulatorbin": "/usr/bin/qemu-system-i386"},
]


def ask(conn, function):
    """The answer, or the error, as text."""
    try:
        return UUID.sub("", str(function(conn)))
    except libvirt.libvirtError as e:
        return PLACE.sub("", f"error {e.get_error_code()} {e.get_error_domain()}: {e}")


def random_sets(conn):
    rng = random.Random(7)
    models = conn.getCPUModelNames("x86_64", 0)
    everything = conn.baselineCPU([cpu(m, arch=X86) for m in ("Icelake-Server",)], 1) + \
        conn.baselineCPU([cpu("EPYC-Milan", arch=X86)], 1) + conn.baselineCPU([cpu("Snowridge", arch=X86)], 1)
    names = sorted(set(re.findall(r"name='(.*?)'", everything)))
    for _ in range(RANDOM_CASES):
        yield [cpu(rng.choice(models), "".join(f"<feature name='{n}'/>" for n in rng.sample(names, rng.choice([0, 2, 8, 40]))),
                   arch=X86) for _ in range(rng.choice([1, 2, 3]))]


def same(ours, reference, questions):
    """Asks both the same; questions are (name, function of a connection)."""
    wrong = []
    for name, question in questions:
        got, expected = ask(ours, question), ask(reference, question)
        if got != expected:
            wrong.append(f"{name}\nreference: {expected}\nours:      {got}")
    assert not wrong, "\n\n".join(wrong[:10])


def capabilities(ours, reference):
    """the host, and the machines of its QEMU programs"""
    same(ours, reference, [("capabilities", lambda c: c.getCapabilities())])


def model_names(ours, reference):
    """names of CPU models by architecture"""
    same(ours, reference, [(a, lambda c, a=a: c.getCPUModelNames(a, 0))
                           for a in ("x86_64", "i686", "ppc64", "aarch64", "s390x", "mips", "foo")])


def domain_capabilities(ours, reference):
    """what definitions may ask for, by machine, architecture, program and type"""
    def question(place):
        return lambda c: c.getDomainCapabilities(place.get("emulatorbin"), place.get("arch"), place.get("machine"),
                                                 place.get("virttype"), 0)
    same(ours, reference, [(str(place), question(place)) for place in PLACES])


def comparing(ours, reference):
    """a CPU with the host's, and with what QEMU offers"""
    questions = []
    for doc in DOCUMENTS:
        for flags in (0, libvirt.VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE):
            questions += [
                (f"{doc} {flags}", lambda c, d=doc, f=flags: c.compareCPU(d, f)),
                (f"QEMU {doc} {flags}", lambda c, d=doc, f=flags: c.compareHypervisorCPU(None, None, None, None, d, f))]
    same(ours, reference, questions)


def baselines(ours, reference):
    """of CPUs of hosts, and of what QEMU offers"""
    questions = []
    for docs in [[d] for d in DOCUMENTS] + SETS:
        for flags in (0, 1, 2, 3):
            questions += [
                (f"{docs} {flags}", lambda c, d=docs, f=flags: c.baselineCPU(d, f)),
                (f"QEMU {docs} {flags}", lambda c, d=docs, f=flags: c.baselineHypervisorCPU(None, None, None, None, d, f))]
    same(ours, reference, questions)


def other_architectures(ours, reference):
    """the same of other architectures"""
    questions = []
    for arch, (first, second, name) in MODELS.items():
        word = f"<arch>{arch}</arch>"
        docs = [cpu(first, arch=word), cpu(first, feature(name), arch=word), cpu("foo", arch=word), f"<cpu>{word}</cpu>"]
        for flags in (0, 1, 2):
            for some in [[d] for d in docs] + [[cpu(first, arch=word), cpu(second, arch=word)]]:
                questions.append((f"{some} {flags}", lambda c, d=some, f=flags: c.baselineCPU(d, f)))
                if arch not in NO_QEMU_BASELINE:
                    questions.append((f"QEMU {some} {flags}",
                                      lambda c, a=arch, d=some, f=flags: c.baselineHypervisorCPU(None, a, None, None, d, f)))
        for doc in docs:
            questions += [(f"comparing {doc}", lambda c, d=doc: c.compareCPU(d, 0)),
                          (f"comparing with QEMU {doc}", lambda c, a=arch, d=doc: c.compareHypervisorCPU(None, a, None, None, d, 0))]
    same(ours, reference, questions)


def random_baselines(ours, reference):
    """of random CPUs"""
    differ = [docs for docs in random_sets(reference)
              if ask(ours, lambda c, d=docs: c.baselineCPU(d, 0)) != ask(reference, lambda c, d=docs: c.baselineCPU(d, 0))]
    assert len(differ) <= RANDOM_MAY_DIFFER, "\n".join(map(str, differ))


# ---- what guests are started with ----

GUEST_CPUS = [
    "", "<cpu mode='host-model'/>", "<cpu mode='host-model' check='none'/>", "<cpu mode='maximum'/>",
    f"<cpu mode='host-model'>{feature('pcommit', 'disable')}{feature('aes')}</cpu>", "<cpu mode='host-passthrough'/>",
    cpu("Nehalem", feature("avx512f", "optional") + feature("aes", "optional") + feature("vmx", "force")),
    cpu("Conroe", attributes=" match='minimum'"), cpu("Haswell", attributes=" check='partial'"), cpu("EPYC"),
    cpu("Icelake-Client"), "<cpu><model fallback='forbid'>Icelake-Client</model></cpu>", cpu("foo"),
    cpu("Nehalem", feature("foo")), cpu("Nehalem", feature("avx512f"), attributes=" check='partial'"), cpu("cpu64-rhel6"),
    cpu("qemu64", attributes=" check='full'"), cpu("Haswell", attributes=" check='full'"), cpu("core2duo"),
    cpu("Penryn", feature("hypervisor"), attributes=" check='full'"), cpu("Nehalem", attributes=" match='strict'"),
    cpu("kvm64", feature("x2apic") + feature("hypervisor", "disable")), cpu("Opteron_G3", feature("svm", "forbid")),
    "<cpu mode='host-model' check='full'/>", "<cpu mode='maximum' check='full' migratable='on'/>",
    "<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", cpu("qemu64", feature("invtsc")),
    cpu("Haswell", attributes=" check='none'"), f"<cpu mode='maximum'>{feature('aes', 'disable')}</cpu>",
    "<features><pvspinlock state='on'/></features>",
]
# Of dumpxml: live, inactive, with the CPU updated, for a migration, and that inactive.
FORMS = (0, 2, 4, 8, 10)
CONF = 'stdio_handler = "file"\nnamespaces = []\ncgroup_controllers = []\nsecurity_driver = "none"\n'


def argument_of(name):
    """What follows -cpu on the command line of a guest."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().decode().split("\0")
        except OSError:
            continue
        if f"guest={name},debug-threads=on" in words:
            return words[words.index("-cpu") + 1] if "-cpu" in words else "none"
    return "not found"


def start(conn, name, text):
    xml = f"""<domain type='qemu'><name>{name}</name><memory>32768</memory>
      <os><type arch='x86_64' machine='pc'>hvm</type></os>{text}<devices><memballoon model='none'/></devices></domain>"""
    try:
        dom = conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    except libvirt.libvirtError as e:
        return PLACE.sub("", f"error {e.get_error_code()} {e.get_error_domain()}: {e}")
    try:
        cpus = [re.search(r"<cpu [^>]*/>|<cpu.*?</cpu>", dom.XMLDesc(form), re.S).group() for form in FORMS]
        return "\n".join([argument_of(name), *cpus])
    finally:
        dom.destroy()


def starts(ours, reference):
    """the argument that QEMU gets for a guest's CPU and what it is told to be then, or why the guest does not start"""
    wrong = []
    for i, text in enumerate(GUEST_CPUS):
        got, expected = start(ours, f"ours{i}", text), start(reference, f"reference{i}", text)
        if got != expected:
            wrong.append(f"{text}\nreference: {expected}\nours:      {got}")
    assert not wrong, "\n\n".join(wrong)


def native(ours, reference):
    """the same argument on the command line of a definition that is not started"""
    def question(text):
        xml = f"""<domain type='qemu'><name>native</name><memory>32768</memory>
          <os><type arch='x86_64' machine='pc'>hvm</type></os>{text}</domain>"""
        return lambda c: re.search(r"-cpu (\S+)|$", c.domainXMLToNative("qemu-argv", xml, 0)).group()
    same(ours, reference, [(text, question(text)) for text in GUEST_CPUS])


TESTS = [capabilities, model_names, domain_capabilities, comparing, baselines, other_architectures, random_baselines, starts, native]


def connect(daemon):
    return libvirt.open(f"qemu+unix:///system?socket={daemon.socket('-sock')}")


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    if host.reference_program() is None:
        print("1..0 # SKIP Debian's libvirtd 9.0.0 is not here")
        return 0
    with host.Host(archs=ARCHS) as a, host.Host(archs=ARCHS) as b:
        a.write(CONF, "etc", "qemu.conf")
        b.write(CONF, "etc", "qemu.conf")
        return tap.run(TESTS, sys.argv[1:], connect(host.start_ours(a, "virtqemud")), connect(host.start_reference(b)))


if __name__ == "__main__":
    sys.exit(main())
