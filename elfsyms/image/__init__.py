# SPDX-License-Identifier: GPL-2.0-or-later
"""What the file holds, and what an nm shows of it."""
