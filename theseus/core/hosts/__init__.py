"""Hosts: what the system's ssh says of them."""
