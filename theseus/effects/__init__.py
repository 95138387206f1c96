"""The half of theseus that touches the world: it reads snapshots and performs plans."""
