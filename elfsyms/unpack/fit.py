# SPDX-License-Identifier: GPL-2.0-or-later
"""FIT images (U-Boot's ``.itb``): a flattened device tree whose nodes are kernels, device trees and ramdisks.

The default configuration names its kernel; where none does, the first image of a kernel's type is taken. The bytes
lie in the tree, or behind it (external data). The tree is read from front to back, once, and bounded.

Follows the Devicetree Specification 0.4, chapter 5, and U-Boot's ``doc/usage/fit/source_file_format``. Leaves out
hashes and signatures.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from elfsyms.errors import InputError, NotThereError
from elfsyms.unpack.codecs import codec_of
from elfsyms.unpack.parts import Hints, Part, text_at, u32

__all__ = ["fit_part"]

_MAGIC = 0xD00DFEED
_BEGIN, _END, _PROPERTY, _NOP, _DONE = 1, 2, 3, 4, 9
_MOST_TOKENS, _DEEPEST, _LONGEST_NAME = 1 << 16, 16, 256
_KERNELS = ("kernel", "kernel_noload")
_MACHINES = {
    "arm": 40,
    "arm64": 183,
    "x86": 3,
    "x86_64": 62,
    "riscv": 243,
    "mips": 8,
    "mips64": 8,
    "ppc": 20,
    "s390": 22,
}


@dataclass(slots=True)
class _Node:
    """A node: its properties as offsets and sizes in the file, and its children by name, in the file's order."""

    properties: dict[str, tuple[int, int]] = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)


def fit_part(data: memoryview) -> Part | None:
    """Return the kernel of a FIT image; None for other bytes, and for device trees without images.

    Raises :class:`InputError` for a tree that is damaged, :class:`NotThereError` for images without a kernel.
    """
    if u32(data, 0, ">") != _MAGIC or len(data) < 40:
        return None
    root = _tree(data)
    images = root.children.get("images")
    if images is None:
        return None
    kernel = _chosen(data, root, images)
    start, size = _payload(data, kernel)
    packed = _text(data, kernel, "compression") or "none"
    stream = data[start : start + size]
    if packed != "none" and len(stream) == size and codec_of(stream) is None:
        raise InputError(
            f"a FIT image that says its kernel is packed by {packed}, which it is not: make it again"
        )
    hints = Hints(_MACHINES.get(_text(data, kernel, "arch"), 0))
    return Part(f"FIT image ({packed})", start, start + size, hints=hints)


def _chosen(data: memoryview, root: _Node, images: _Node) -> _Node:
    """Return the kernel of the default configuration, else the first one."""
    configurations = root.children.get("configurations", _Node())
    default = configurations.children.get(_text(data, configurations, "default"))
    named = images.children.get(_text(data, default, "kernel")) if default is not None else None
    if named is not None:
        return named
    for node in images.children.values():
        if _text(data, node, "type") in _KERNELS:
            return node
    raise NotThereError(f"a FIT image of {', '.join(images.children) or 'nothing'} holds no kernel")


def _payload(data: memoryview, node: _Node) -> tuple[int, int]:
    """Return offset and size of an image's bytes: in the tree, at a position, or behind the tree."""
    if "data" in node.properties:
        return node.properties["data"]
    size, position = _number(data, node, "data-size"), _number(data, node, "data-position")
    if position:
        return position, size
    behind = u32(data, 4, ">")
    return behind + -behind % 4 + _number(data, node, "data-offset"), size


def _text(data: memoryview, node: _Node, name: str) -> str:
    at, size = node.properties.get(name, (0, 0))
    return text_at(data, at, min(size, _LONGEST_NAME))


def _number(data: memoryview, node: _Node, name: str) -> int:
    at, size = node.properties.get(name, (0, 0))
    return u32(data, at, ">") if size else 0


def _tree(data: memoryview) -> _Node:
    """Read the structure block: its tokens are numbers of four bytes, aligned to as many."""
    at, strings = u32(data, 8, ">"), u32(data, 12, ">")
    path = [_Node()]
    for _ in range(_MOST_TOKENS):
        token, at = u32(data, at, ">"), at + 4
        if token == _BEGIN and len(path) <= _DEEPEST:
            name = text_at(data, at, _LONGEST_NAME)
            at += len(name) + 1 + -(len(name) + 1) % 4
            path.append(path[-1].children.setdefault(name, _Node()))
        elif token == _END and len(path) > 1:
            path.pop()
        elif token == _PROPERTY and at + 8 <= len(data):
            size, name = u32(data, at, ">"), text_at(data, strings + u32(data, at + 4, ">"), _LONGEST_NAME)
            path[-1].properties.setdefault(name, (at + 8, size))
            at += 8 + size + -size % 4
        elif token == _DONE and len(path) == 1:
            return path[0].children.get("", path[0])
        elif token != _NOP:
            break
    raise InputError("a device tree that is damaged or cut: copy the image again")
