# SPDX-License-Identifier: GPL-2.0-or-later
"""A call in a process of its own gives what it gives here, whatever becomes of that process; nobody outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: that of the tests has threads, and would not be forked.
BEGIN = """
import os, signal, sys
from elfsyms.pipeline import forked
from elfsyms.pipeline.forked import Forked
parent = os.getpid()
"""


def told(script: str, *arguments: str, cores: str = "all") -> str:
    """Run a script that uses it; return what it prints."""
    keep = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" if cores == "one" else ""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + keep + script, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.stderr == ""
    return done.stdout


needs_two = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="nothing is forked on one core")


@needs_two
def test_the_call_is_made_elsewhere() -> None:
    """With two cores a child makes the call, with what was made before, and what it prints goes nowhere."""
    script = """
before = list(range(9))
with Forked(lambda: (print("unheard", flush=True), before, os.getpid())) as call:
    before = []
    _, numbers, pid = call.result()
print(numbers == list(range(9)), pid != parent)
"""
    assert told(script) == "True True\n"


def test_on_one_core_the_call_is_made_here() -> None:
    """Where no core is free, nothing is forked, and the result is the same."""
    script = "with Forked(os.getpid) as call: print(call.result() == parent)"
    assert told(script, cores="one") == "True\n"


def test_a_process_with_threads_is_not_forked() -> None:
    """A thread may hold what a child would wait for."""
    script = """
import threading
end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
with Forked(os.getpid) as call: print(call.result() == parent)
end.set()
thread.join()
"""
    assert told(script) == "True\n"


@needs_two
@pytest.mark.parametrize(
    "death", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)", "int('x')", "b''.x"]
)
def test_a_child_that_dies_is_no_loss(death: str) -> None:
    """Where the child dies, or meets an error, the call is made here."""
    script = f"""
def call():
    if os.getpid() != parent:
        {death}
    return "here"
with Forked(call) as call: print(call.result())
"""
    assert told(script) == "here\n"


def test_an_error_is_raised_here() -> None:
    """What the call raises comes to who asks for its result."""
    script = """
def call():
    raise LookupError("none")
try:
    with Forked(call) as call: call.result()
except LookupError as error:
    print(error)
"""
    assert told(script) == "none\n"


@needs_two
@pytest.mark.parametrize("end", ["", "raise KeyboardInterrupt"])
def test_nobody_is_left_behind_the_block(end: str) -> None:
    """Who does not wait for the result, or is interrupted, leaves no child, running or dead."""
    script = f"""
import time
try:
    with Forked(lambda: time.sleep(60)) as call:
        assert call._child
        {end or "pass"}
except KeyboardInterrupt:
    pass
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nobody")
"""
    assert told(script) == "nobody\n"


@needs_two
def test_an_interrupt_at_the_fork_leaves_a_child_that_is_known() -> None:
    """An interrupt that comes while the child is started waits until it is known, and the program's end ends it."""
    script = """
import time
fork = os.fork
def interrupted():
    pid = fork()
    if pid:
        os.kill(parent, signal.SIGINT)
    return pid
os.fork = interrupted
try:
    Forked(lambda: time.sleep(60))
except KeyboardInterrupt:
    print(len(forked._LIVING))
forked.leave_nobody()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nobody")
"""
    assert told(script) == "1\nnobody\n"


@needs_two
def test_the_child_ends_with_its_parent() -> None:
    """Where the parent is killed, the child is, too: what they hold in common is let go."""
    script = """
import time
call = Forked(lambda: (time.sleep(60), os.write(int(sys.argv[1]), b"?")))
assert call._child
os.write(int(sys.argv[1]), b"!")
os.kill(os.getpid(), signal.SIGKILL)
"""
    theirs, ours = os.pipe()[::-1]
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + script, str(theirs)],
        pass_fds=[theirs],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        assert pipe.read() == b"!"  # which ends when nobody holds the other end any more
    assert process.wait() == -9
