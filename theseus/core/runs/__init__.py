"""Runs: what is seen of runs on their hosts, what it means, and what hosts are told about them."""
