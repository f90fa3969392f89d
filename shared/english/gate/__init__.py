"""Which clauses of a person's own words are facts: learned from data/labels."""
