"""A person whose history others have written into: what they planted, in which carriers, and what of it came
through."""
