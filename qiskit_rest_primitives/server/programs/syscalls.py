"""The system calls that programs do not get: those that make namespaces, or take memory that no limit counts.

Each was tried: in a user namespace of its own a program may mount file systems without a size; System V segments,
memory files and anonymous memory that is shared are charged to no process once they are detached, nor are pages that
lie in a pipe or a socket; a tracer can write into other processes; and some families of sockets, such as a virtual
machine's to its host, belong to no network namespace.
"""

from __future__ import annotations

import struct
import sys

_DENIED = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
}
"""Each call's number on x86_64, and on machines whose numbers came later."""
_CLONE, _SOCKET, _MMAP, _SETSOCKOPT, _CLONE3 = (56, 220), (41, 198), (9, 222), (54, 208), 435
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "riscv64": (0xC00000F3, 1)}
"""The kernel's number of the machine, and the column of its calls."""
_NEW_NAMESPACES = 0x7E020000
_UNIX, _NO_FAMILY = 1, 0xFFFFFFFF
_SHARED, _ANONYMOUS = 0x01, 0x20  # of mmap's flags
_BUFFERS = (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF and what privileged callers use instead
_FOREIGN = 0x40000000  # calls of the x32 convention have other numbers
_NUMBER, _MACHINE, _FIRST_ARGUMENT, _THIRD_ARGUMENT, _FOURTH_ARGUMENT = 0, 4, 16, 32, 40
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FORBIDDEN, _UNKNOWN = 0x7FFF0000, 0x00050001, 0x00050026  # EPERM, ENOSYS


def filter_for(machine: str, *, local_sockets: bool) -> bytes | None:
    """Return the filter for a machine, as ``os.uname`` names it: instructions of eight bytes each.

    None if its system calls are not known here. Local sockets are Unix sockets; others are never allowed, pairs of connected
    ones always.
    """
    if machine not in _MACHINES or sys.maxsize < 1 << 32:
        return None
    kernels_number, column = _MACHINES[machine]
    rules = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, kernels_number),
        (_RETURN, 0, 0, _FORBIDDEN),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _FOREIGN),
        (_RETURN, 0, 0, _UNKNOWN),
    ]
    for numbers in _DENIED.values():
        rules += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _FORBIDDEN)]
    rules += [
        # Its flags are in memory, where a filter cannot look; whoever is told so uses the older call.
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _UNKNOWN),
        (_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _FORBIDDEN),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 5, _MMAP[column]),
        (_LOAD, 0, 0, _FOURTH_ARGUMENT),
        (_ANY_BIT, 0, 2, _SHARED),
        (_ANY_BIT, 0, 1, _ANONYMOUS),
        (_RETURN, 0, 0, _FORBIDDEN),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 3 + len(_BUFFERS), _SETSOCKOPT[column]),
        (_LOAD, 0, 0, _THIRD_ARGUMENT),
        *((_EQUAL, len(_BUFFERS) - place, 0, option) for place, option in enumerate(_BUFFERS)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FORBIDDEN),
        (_EQUAL, 0, 3, _SOCKET[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, _UNIX if local_sockets else _NO_FAMILY),
        (_RETURN, 0, 0, _FORBIDDEN),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *rule) for rule in rules)
