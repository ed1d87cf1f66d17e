# SPDX-License-Identifier: GPL-2.0-or-later
"""Two accounts of symbols compared: verify, diff, convergence."""
