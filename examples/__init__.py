"""The sample export: readable sources, and the program that builds `export.zip` from them."""
