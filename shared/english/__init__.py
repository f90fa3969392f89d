"""What statements are about: their words, matters that hold one value at a time, and themes."""
