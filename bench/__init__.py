"""What theseus costs beside what it cannot do without; `python -m bench` prints the table."""
