# SPDX-License-Identifier: GPL-2.0-or-later
"""From listing to laid-out tables; ``kernel.py`` is the list of passes."""
