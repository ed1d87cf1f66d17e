# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: one file a command. Words and colours, no logic that the library lacks."""
