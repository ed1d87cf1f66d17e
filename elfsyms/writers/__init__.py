# SPDX-License-Identifier: GPL-2.0-or-later
"""Writers: tables and maps to bytes. None of them knows a rule."""
