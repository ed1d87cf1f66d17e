# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes back to tables, for every release."""
