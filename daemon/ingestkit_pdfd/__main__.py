"""`python -m ingestkit_pdfd`."""

from .cli import main

main()
