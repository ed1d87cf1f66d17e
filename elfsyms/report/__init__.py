# SPDX-License-Identifier: GPL-2.0-or-later
"""One page about a kernel, or about what changed between two: self-contained HTML that asks no network."""
