"""Source: the snapshot of a tree, and what is said of it."""
