/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of devices and the program that looks into it. */

#include "device-acl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "group.h"
#include "guest-nodes.h"

enum {
        TABLE_MAX = 256,  /* devices of one guest */
        PTY_MAJOR = 136,  /* of the guest's consoles */
        PROGRAMS_MAX = 8, /* on one group; more than one is somebody else's doing */
        CODE_MAX = 96,    /* instructions */
        KEY_OFFSET = -8,  /* of the key on the program's stack */
        MAJOR_SHIFT = 32,
        ACCESS_SHIFT = 16, /* as in the program's context */
};
#define ANY 0xffffffffu

/* ---- bpf(2) ---- */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
        long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

        return r < 0 ? -errno : (int)r;
}

static int make_table(void)
{
        union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH,
                                .key_size = sizeof(uint64_t),
                                .value_size = sizeof(uint32_t),
                                .max_entries = TABLE_MAX };

        return bpf(BPF_MAP_CREATE, &attr);
}

static int set_entry(int table, uint64_t key, uint32_t value)
{
        union bpf_attr attr = { .map_fd = (uint32_t)table, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

        return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static void drop_entry(int table, uint64_t key)
{
        union bpf_attr attr = { .map_fd = (uint32_t)table, .key = (uintptr_t)&key };

        (void)bpf(BPF_MAP_DELETE_ELEM, &attr);
}

/* ---- the program ---- */

typedef struct Code {
        struct bpf_insn insns[CODE_MAX];
        unsigned n;
} Code;

static void emit(Code *code, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
        code->insns[code->n++] =
                (struct bpf_insn){ .code = op, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm };
}

/* A word of the context into a register; any: all bits set instead. */
static void emit_number(Code *code, uint8_t reg, size_t offset, bool any)
{
        if (any)
                emit(code, BPF_ALU | BPF_MOV | BPF_K, reg, 0, 0, -1); /* of 32 bits: the upper half becomes 0 */
        else
                emit(code, BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_6, (int16_t)offset, 0);
}

/* Looks up major and minor (or any); allows if all that is asked for is there. */
static void emit_look_up(Code *code, int table, bool any_major, bool any_minor)
{
        enum { REST = 6 }; /* instructions behind the jump for no entry */

        emit_number(code, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), any_major);
        emit(code, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_1, 0, 0, MAJOR_SHIFT);
        emit_number(code, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, minor), any_minor);
        emit(code, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
        emit(code, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, KEY_OFFSET, 0);
        emit(code, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
        emit(code, BPF_ALU64 | BPF_ADD, BPF_REG_2, 0, 0, KEY_OFFSET); /* of a number: BPF_K is 0 */
        emit(code, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, table);
        emit(code, 0, 0, 0, 0, 0); /* the upper half of that number */
        emit(code, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
        emit(code, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, REST, 0);
        emit(code, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_0, 0, 0);
        emit(code, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct bpf_cgroup_dev_ctx, access_type),
             0);
        emit(code, BPF_ALU64 | BPF_AND | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
        emit(code, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 2, 0);
        emit(code, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
        emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load_program(int table)
{
        union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .license = (uintptr_t) "GPL" };
        Code code = { .n = 0 };

        emit(&code, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
        for (unsigned i = 0; i < 4; i++)
                emit_look_up(&code, table, i & 2, i & 1);
        emit(&code, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
        emit(&code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        attr.insns = (uintptr_t)code.insns;
        attr.insn_cnt = code.n;
        return bpf(BPF_PROG_LOAD, &attr);
}

/* ---- programs on groups ---- */

static int open_group(const QemuProcess *proc)
{
        int fd = open(proc->group->inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static int attach(int group, int table)
{
        _vh_close_ int program = load_program(table);
        union bpf_attr attr = { .target_fd = (uint32_t)group, .attach_type = BPF_CGROUP_DEVICE };

        if (program < 0)
                return program;
        attr.attach_bpf_fd = (uint32_t)program;
        return bpf(BPF_PROG_ATTACH, &attr);
}

/* The table of the program on a guest's group, whoever put it there; negative errno. */
static int find_table(const QemuProcess *proc)
{
        uint32_t ids[PROGRAMS_MAX], maps[1] = { 0 };
        struct bpf_prog_info info = { .nr_map_ids = 1, .map_ids = (uintptr_t)maps };
        union bpf_attr attr = {
                .query = { .attach_type = BPF_CGROUP_DEVICE, .prog_ids = (uintptr_t)ids, .prog_cnt = PROGRAMS_MAX }
        };
        _vh_close_ int group = open_group(proc), program = -1;
        int r;

        if (group < 0)
                return group;
        attr.query.target_fd = (uint32_t)group;
        r = bpf(BPF_PROG_QUERY, &attr);
        if (r < 0)
                return r;
        if (attr.query.prog_cnt != 1)
                return -ENOENT;
        attr = (union bpf_attr){ .prog_id = ids[0] };
        program = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
        if (program < 0)
                return program;
        attr = (union bpf_attr){
                .info = { .bpf_fd = (uint32_t)program, .info_len = sizeof(info), .info = (uintptr_t)&info }
        };
        r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
        if (r < 0 || !maps[0])
                return r < 0 ? r : -ENOENT;
        attr = (union bpf_attr){ .map_id = maps[0] };
        return bpf(BPF_MAP_GET_FD_BY_ID, &attr);
}

/* ---- devices ---- */

/* The entry of a path; -ENODEV for what is no device node. */
static int entry_of(const char *path, unsigned access, uint64_t *key, uint32_t *value)
{
        struct stat st;

        if (stat(path, &st) < 0 || (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode)))
                return -ENODEV;
        *key = (uint64_t)major(st.st_rdev) << MAJOR_SHIFT | minor(st.st_rdev);
        *value = S_ISBLK(st.st_mode) ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
        if (access & QEMU_DEVICE_READ)
                *value |= BPF_DEVCG_ACC_READ << ACCESS_SHIFT;
        if (access & QEMU_DEVICE_WRITE)
                *value |= BPF_DEVCG_ACC_WRITE << ACCESS_SHIFT;
        if (access & QEMU_DEVICE_MKNOD)
                *value |= BPF_DEVCG_ACC_MKNOD << ACCESS_SHIFT;
        return 0;
}

static int allow(void *data, const char *path, unsigned access, VhError **err)
{
        uint64_t key;
        uint32_t value;
        int r = entry_of(path, access, &key, &value);

        r = r == -ENODEV ? 0 : set_entry(*(int *)data, key, value);
        return r < 0 ? vh_error_sys(err, VIR_FROM_CGROUP, r, "failed to allow the device '%s'", path) : 0;
}

static bool has_acl(const QemuProcess *proc)
{
        return qemu_cgroup_has(proc->group, QEMU_CG_DEVICES);
}

int qemu_device_acl_set_up(QemuProcess *proc, VhError **err)
{
        const uint64_t ptys = (uint64_t)PTY_MAJOR << MAJOR_SHIFT | ANY;
        const uint32_t rw = (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE) << ACCESS_SHIFT | BPF_DEVCG_DEV_CHAR;
        _vh_close_ int table = -1, group = -1;
        int r;

        if (!has_acl(proc))
                return 0;
        table = make_table();
        r = table < 0 ? table : set_entry(table, ptys, rw);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CGROUP, r, "failed to initialize device BPF map");
        r = qemu_guest_nodes(proc->driver, proc->dom->def, allow, &table, err);
        if (r < 0)
                return r;
        group = open_group(proc);
        r = group < 0 ? group : attach(group, table);
        return r < 0 ? vh_error_sys(err, VIR_FROM_CGROUP, r, "failed to attach the device BPF program to '%s'",
                                    proc->group->inner)
                     : 0;
}

int qemu_device_acl_allow(const QemuProcess *proc, const char *path, unsigned access, VhError **err)
{
        _vh_close_ int table = -1;

        if (!has_acl(proc))
                return 0;
        table = find_table(proc);
        if (table == -ENOENT)
                return 0; /* nothing is refused there */
        if (table < 0)
                return vh_error_sys(err, VIR_FROM_CGROUP, table, "cannot find the table of devices of '%s'",
                                    proc->group->inner);
        return allow(&table, path, access, err);
}

void qemu_device_acl_deny(const QemuProcess *proc, const char *path)
{
        _vh_close_ int table = has_acl(proc) ? find_table(proc) : -1;
        uint64_t key;
        uint32_t value;

        if (table >= 0 && entry_of(path, QEMU_DEVICE_RW, &key, &value) == 0)
                drop_entry(table, key);
}
