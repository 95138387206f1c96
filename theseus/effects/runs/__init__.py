"""Runs: looking at them, waiting for them, and acting on them."""
