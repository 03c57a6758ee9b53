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


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the GNU allocator's own settings"
)
@pytest.mark.parametrize(
    ("returns", "given_back"), [(True, True), (False, False)]
)
def test_a_large_block_goes_back_to_the_system_when_it_is_freed(
    returns: bool, given_back: bool
) -> None:
    program = _PROGRAM.format(returns=returns)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (int(done.stdout) > 15) is given_back
