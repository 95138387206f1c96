"""Inventory: what hosts have and what of it is free, read out of the answers to probes."""
