"""Text: words for people and for shells, and values read out of words."""
