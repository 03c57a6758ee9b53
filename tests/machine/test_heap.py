import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes
from scraper.machine import heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

if {returns}:
    heap.give_back_large_blocks()
small = []
for size in (30, 29, 28, 27):
    block = bytearray(size << 20)
    small.append(bytearray(1 << 10))
    del block
block = bytearray(20 << 20)
before = resident()
del block
print(before - resident())
"""


_THREADS = """
import ctypes, threading
from scraper.machine import heap

if {shares}:
    heap.share_one_arena()
all_are_there = threading.Barrier(5)

def allocate():
    block = bytearray(100_000)
    all_are_there.wait()

for _ in range(4):
    threading.Thread(target=allocate, daemon=True).start()
all_are_there.wait()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""
needs_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the GNU allocator's own settings"
)


@needs_glibc
@pytest.mark.parametrize(
    ("returns", "given_back"), [(True, True), (False, False)]
)
def test_a_large_block_goes_back_to_the_system_when_it_is_freed(
    returns: bool, given_back: bool
) -> None:
    assert (int(_output_of(_PROGRAM, returns=returns)) > 15) is given_back


@needs_glibc
@pytest.mark.parametrize("shares", [True, False])
def test_threads_allocate_in_one_arena(shares: bool) -> None:
    arenas = _output_of(_THREADS, shares=shares).count("<heap nr=")

    assert (arenas == 1) is shares


def _output_of(program: str, **values: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program.format(**values)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
