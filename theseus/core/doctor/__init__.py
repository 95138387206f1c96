"""Doctor: what a host must have for runs, and what to do where it has not."""
