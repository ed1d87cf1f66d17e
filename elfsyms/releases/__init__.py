# SPDX-License-Identifier: GPL-2.0-or-later
"""What every release does, as data."""
