# SPDX-License-Identifier: GPL-2.0-or-later
"""Give free memory back to the system between the steps of a very large job.

The C library keeps what arrays of up to 32 MB took, for others of that size, and a step's larger ones do not fit
into it: with five million symbols that is 0.4 GB that nobody uses. ``malloc_trim`` gives it back. Ordinary kernels
have a twentieth of that, and every call costs them page faults, so that nothing is done for them.
"""

from __future__ import annotations

__all__ = ["LARGE", "release_free_memory"]

LARGE = 1 << 20  # symbols


def release_free_memory(symbols: int) -> None:
    """Give back what is free, where a job has more than :data:`LARGE` symbols and the C library can."""
    if symbols <= LARGE:
        return
    import ctypes  # noqa: PLC0415 (10 ms, for large jobs alone)

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it; musl gives back by itself
    if trim is not None:
        trim(ctypes.c_size_t(0))
