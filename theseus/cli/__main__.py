"""`python -m theseus.cli`: the command line, as `python -m theseus` has it."""

from theseus.cli import main

main()
