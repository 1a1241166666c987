"""
System calls in the name of a running process: what somebody could do who has taken it over. The process is stopped where
it waits, made to execute the call by the instruction it came with, and put back as it was. Linux on x86-64; needs root.
"""

import ctypes
import os
import platform
import signal
import struct
import time

SEIZE, INTERRUPT, GETREGS, SETREGS, STEP, DETACH = 0x4206, 0x4207, 12, 13, 9, 17
WALL = 0x40000000
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
         "ds es fs gs").split()
ARGUMENTS = "rdi rsi rdx r10 r8 r9".split()
CALLS = {"mmap": 9, "getpid": 39, "socket": 41, "connect": 42, "accept4": 288, "execve": 59, "kill": 62, "ptrace": 101,
         "mount": 165, "getxattr": 191, "openat": 257, "bpf": 321, "io_uring_setup": 425, "unshare": 272, "clone": 56}
REFUSED = "refused"  # by the filter, which lets it go on with ENOSYS

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def possible():
    return platform.machine() == "x86_64" and os.geteuid() == 0


def ptrace(what, pid, data=None):
    if libc.ptrace(what, pid, None, data) < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


def registers(pid):
    raw = ctypes.create_string_buffer(8 * len(NAMES))
    ptrace(GETREGS, pid, ctypes.cast(raw, ctypes.c_void_p))
    return dict(zip(NAMES, struct.unpack("<%dQ" % len(NAMES), raw.raw)))


def set_registers(pid, regs):
    raw = ctypes.create_string_buffer(struct.pack("<%dQ" % len(NAMES), *(regs[n] for n in NAMES)))
    ptrace(SETREGS, pid, ctypes.cast(raw, ctypes.c_void_p))


def waits(pid):
    """Is it in a system call, and so at the instruction that we need?"""
    try:
        with open("/proc/%d/syscall" % pid) as f:
            return f.read().split()[0].isdigit()
    except (OSError, IndexError):
        return False  # it has ended


class Awake(Exception):
    """It was not in a system call when it was stopped."""


def inject(pid, name, *args):
    for _ in range(1000):
        try:
            return inject_now(pid, name, *args)
        except Awake:
            time.sleep(0.05)
    raise AssertionError("%d never waits in a system call" % pid)


def inject_now(pid, name, *args):
    """
    Its result (negative: an errno), REFUSED, or the signal that the process died of, as {signal}. An argument of bytes
    is put below its stack, and its address given.
    """
    ptrace(SEIZE, pid)
    ptrace(INTERRUPT, pid)
    os.waitpid(pid, WALL)
    try:
        old = registers(pid)
        new, room = dict(old), old["rsp"] - 4096
        for register, value in zip(ARGUMENTS, list(args) + [0] * 6):
            if isinstance(value, bytes):
                with open("/proc/%d/mem" % pid, "r+b", buffering=0) as memory:
                    memory.seek(room)
                    memory.write(value + b"\0")
                value, room = room, room - 512
            new[register] = value & (1 << 64) - 1
        new.update(rax=CALLS[name], rip=old["rip"] - 2, orig_rax=(1 << 64) - 1)
        with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
            memory.seek(new["rip"])
            if memory.read(2) != b"\x0f\x05":
                raise Awake()
        set_registers(pid, new)
        for _ in range(5):
            ptrace(STEP, pid)
            status = os.waitpid(pid, WALL)[1]
            if os.WIFSIGNALED(status):
                return {os.WTERMSIG(status)}
            # Some other signal may be told first; the number of the call stands there until it has a result.
            if os.WSTOPSIG(status) == signal.SIGSYS or registers(pid)["rax"] != CALLS[name]:
                break
        if os.WSTOPSIG(status) == signal.SIGSYS:
            result = REFUSED
            # The trap of the step may be on its way too, and would meet the process later.
            ptrace(STEP, pid)
            os.waitpid(pid, WALL)
        else:
            result = struct.unpack("<q", struct.pack("<Q", registers(pid)["rax"]))[0]
        set_registers(pid, old)
        return result
    finally:
        try:
            ptrace(DETACH, pid)
        except OSError:
            pass  # it is dead
