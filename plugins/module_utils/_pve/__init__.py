# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests on Proxmox VE: a gateway to the API, semantic comparison, and a fleet that converges."""
