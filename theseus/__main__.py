"""`python -m theseus`: the command line, for where the console script is not on the PATH."""

from theseus.cli import main

main()
