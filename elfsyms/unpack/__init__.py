# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel comes packed in: boot images and compressed streams, opened by their headers."""
