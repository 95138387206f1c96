"""Solve: where a request fits, and why not elsewhere."""
