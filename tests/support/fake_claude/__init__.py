"""A stand-in for the Claude API on loopback: real HTTP, planted facts, faults on demand, exact accounts."""
