"""Hosts: shells on them, over connections that are few, shared and paced."""
