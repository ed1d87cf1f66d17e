# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbols of many kernels in one place, as Parquet, and what can be asked of them."""
