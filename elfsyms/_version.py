# SPDX-License-Identifier: GPL-2.0-or-later
"""The version, alone in a file, so that printing it imports nothing."""

__version__ = "1.0.0"
