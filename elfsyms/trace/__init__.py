# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be traced in a kernel, and where an address in a trace came from."""
