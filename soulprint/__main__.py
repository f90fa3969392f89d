"""`python -m soulprint` is `soulprint`."""

from soulprint.main import main

main()
