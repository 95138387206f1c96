"""Inventory: asks hosts about themselves."""
