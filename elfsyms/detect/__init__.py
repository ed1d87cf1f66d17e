# SPDX-License-Identifier: GPL-2.0-or-later
"""Which release, options and nm a kernel was built with, and who told."""
