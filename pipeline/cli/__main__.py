"""`python -m pipeline.cli` is the console script `screening`."""

from pipeline.cli.main import main

main()
