# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions about one kernel: explain, ledger, list, size."""
