"""Run a Python script in a process that dies, as all its children do, when it makes a socket.

offline.py script [argument ...]

Looking up a name takes a socket too: to a name server, or to the service of the machine that asks one. The kernel
watches over it (seccomp), so it does not matter in which language the socket is made. Elsewhere than on Linux, the
script just runs.
"""

import ctypes
import os
import platform
import struct
import sys

# Machine -> what the kernel calls it, and the number of the system call `socket`.
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # instructions of the filter
NUMBER, MACHINE = 0, 4  # where they lie in what the filter sees


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid_sockets(machine: int, number: int) -> None:
    instructions = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (LOAD, 0, 0, MACHINE),
            (JUMP_EQUAL, 0, 3, machine),
            (LOAD, 0, 0, NUMBER),
            (JUMP_EQUAL, 0, 1, number),
            (RETURN, 0, 0, KILL_PROCESS),
            (RETURN, 0, 0, ALLOW),
        )
    )
    program = Program(len(instructions) // 8, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the kernel takes no filter")


if __name__ == "__main__":
    if sys.platform == "linux" and platform.machine() in MACHINES:
        forbid_sockets(*MACHINES[platform.machine()])
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
