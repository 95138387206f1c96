"""nanolm: a character language model small enough to read, in numpy."""
