"""`python -m cli` is `soulprint`."""

from cli.main import main

main()
