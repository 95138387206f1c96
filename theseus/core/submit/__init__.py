"""Submit: whether what became of a plan's steps is a submission, and what is known of it."""
