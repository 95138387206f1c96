"""Config: the dispatch config as values, decoded and checked."""
