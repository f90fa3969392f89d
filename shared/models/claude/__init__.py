"""Claude, and servers that speak its API, as a model of SoulPrint."""
