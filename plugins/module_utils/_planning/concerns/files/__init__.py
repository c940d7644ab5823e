# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees: what a copy could lose, and what nobody copies."""

from __future__ import annotations

from . import file_owner, link_out_of_tree, mount_in_tree, nfs_export, nfs_identity, nfs_mount, special_files, tree_left_behind

DETECTORS = (
    file_owner.DETECTOR,
    link_out_of_tree.DETECTOR,
    mount_in_tree.DETECTOR,
    nfs_export.DETECTOR,
    nfs_identity.DETECTOR,
    nfs_mount.DETECTOR,
    special_files.DETECTOR,
    tree_left_behind.DETECTOR,
)
