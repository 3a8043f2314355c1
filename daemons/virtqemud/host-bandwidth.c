/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits of a device: what leaves it is shaped by a token bucket, what comes is dropped beyond a rate. The guest's
 * directions are the other way round, but for a macvtap, which stands on the guest's side. tc(8) knows the kernel's
 * tables of rates. */

#include <stdarg.h>
#include <stdio.h>

#include "host-net.h"
#include "program.h"

#define TC "/sbin/tc"

enum {
        TC_SECONDS = 10,
        KIB = 1024,
        BITS = 8,
        PACKET = 1500,
};

/* Arguments are separated by blanks; none has one. */
static int run_tc(VhError **err, const char *fmt, ...) _vh_printf_(2, 3);
static int run_tc(VhError **err, const char *fmt, ...)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        QemuProgram program = { .cmd = &cmd, .seconds = TC_SECONDS };
        _vh_free_ char *text = NULL;
        char *save = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        va_end(ap);
        qemu_command_add(&cmd, TC);
        for (char *arg = strtok_r(text, " ", &save); arg; arg = strtok_r(NULL, " ", &save))
                qemu_command_add(&cmd, arg);
        return qemu_program_must(&program, err);
}

void qemu_bandwidth_clear(const char *ifname)
{
        (void)run_tc(NULL, "qdisc del dev %s root", ifname);
        (void)run_tc(NULL, "qdisc del dev %s ingress", ifname);
}

/* What the device sends. */
static int shape(const char *ifname, const VhBandwidthRate *rate, VhError **err)
{
        _vh_buf_ VhBuf class = { 0 };
        unsigned quantum = rate->average * KIB / BITS / PACKET;
        int r;

        vh_buf_printf(&class, "rate %ukbps", rate->average);
        if (rate->peak)
                vh_buf_printf(&class, " ceil %ukbps", rate->peak);
        if (rate->burst)
                vh_buf_printf(&class, " burst %ukb", rate->burst);
        r = run_tc(err, "qdisc add dev %s root handle 1: htb default 1", ifname);
        r = r < 0 ? r
                  : run_tc(err, "class add dev %s parent 1: classid 1:1 htb %s quantum %u", ifname, class.data,
                           VH_MAX(quantum, 1));
        r = r < 0 ? r : run_tc(err, "qdisc add dev %s parent 1:1 handle 2: sfq perturb 10", ifname);
        return r < 0 ? r : run_tc(err, "filter add dev %s parent 1:0 protocol all prio 1 handle 1 fw flowid 1", ifname);
}

/* What the device gets. */
static int police(const char *ifname, const VhBandwidthRate *rate, VhError **err)
{
        int r = run_tc(err, "qdisc add dev %s ingress", ifname);

        return r < 0 ? r
                     : run_tc(err,
                              "filter add dev %s parent ffff: protocol all u32 match u32 0 0 police rate %ukbps burst "
                              "%ukb mtu 64kb drop flowid :1",
                              ifname, rate->average, rate->burst ? rate->burst : rate->average);
}

int qemu_bandwidth_set(const VhNet *net, VhError **err)
{
        bool guest_side = net->type == VH_NET_DIRECT;
        const VhBandwidthRate *in = net->bandwidth ? net->bandwidth->in : NULL;
        const VhBandwidthRate *out = net->bandwidth ? net->bandwidth->out : NULL;
        const VhBandwidthRate *sent = guest_side ? out : in, *got = guest_side ? in : out;
        int r = 0;

        qemu_bandwidth_clear(net->target);
        if (sent && sent->average)
                r = shape(net->target, sent, err);
        if (r == 0 && got && got->average)
                r = police(net->target, got, err);
        if (r < 0)
                qemu_bandwidth_clear(net->target);
        return r;
}
