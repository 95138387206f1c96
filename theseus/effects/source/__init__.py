"""Source: what git says of a tree, and archives of it."""
