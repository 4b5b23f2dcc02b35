"""The system calls that are refused to student code, as a program for the Linux kernel."""

import errno
import os
import tempfile
from functools import cache

# What would build namespaces, mount, trace, load code into the Linux kernel, or leave something behind for others.
REFUSED = [
    "acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "create_module", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
    "landlock_create_ruleset", "lookup_dcookie", "mbind", "migrate_pages", "mknod", "mknodat", "mount",
    "mount_setattr", "move_mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at",
    "open_tree", "perf_event_open", "personality", "pivot_root", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "quotactl_fd", "reboot", "request_key", "set_mempolicy",
    "setdomainname", "sethostname", "setns", "settimeofday", "stime", "swapoff", "swapon", "syslog", "umount",
    "umount2", "unshare", "uselib", "userfaultfd", "vhangup",
]  # fmt: skip
NAMESPACE_FLAGS = (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000)
FAMILIES = {"unix": 1, "internet": 2, "internet 6": 10, "netlink": 16}
TYPE_INTO_TERMINAL, PASTE_INTO_CONSOLE = 0x5412, 0x541C  # ioctl


@cache
def program() -> bytes:
    """The filter's instructions; everything that is not refused is allowed."""
    import pyseccomp
    from pyseccomp import ALLOW, ERRNO, Arg

    rules = pyseccomp.SyscallFilter(ALLOW)
    for name in REFUSED:
        try:
            rules.add_rule(ERRNO(errno.EPERM), name)
        except (ValueError, RuntimeError, OSError):
            continue  # this machine has no such call
    rules.add_rule(ERRNO(errno.ENOSYS), "clone3")  # its flags are out of a filter's sight; libc then uses clone
    for flag in NAMESPACE_FLAGS:
        rules.add_rule(ERRNO(errno.EPERM), "clone", Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    for request in (TYPE_INTO_TERMINAL, PASTE_INTO_CONSOLE):
        rules.add_rule(ERRNO(errno.EPERM), "ioctl", Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    for family in range(46):
        if family not in FAMILIES.values():
            rules.add_rule(ERRNO(errno.EAFNOSUPPORT), "socket", Arg(0, pyseccomp.EQ, family))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        return file.read()
