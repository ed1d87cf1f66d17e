# SPDX-License-Identifier: GPL-2.0-or-later
"""elfsyms inside the kernel's own build: a shell file for ``scripts/link-vmlinux.sh``, and who puts it there.

``hook.sh`` is what runs in the build, ``shapes.py`` knows the link scripts that it fits, and ``install.py``
puts it into a source tree and takes it out again.
"""

from elfsyms.kbuild.install import HOOK_NAME, LINE, State, Status, hook_text, install, remove, status

__all__ = ["HOOK_NAME", "LINE", "State", "Status", "hook_text", "install", "remove", "status"]
