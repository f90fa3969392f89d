"""Whether a lane may go on: what became of its runs, against what is asked of it. Pure: nothing here reads a
clock, a database or a setting."""
