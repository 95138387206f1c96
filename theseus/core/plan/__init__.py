"""Plan: every command and file, as values: made, shown, saved, and compiled for the far side."""
