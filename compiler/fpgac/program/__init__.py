"""A network as a program: integers, one operation a line; its meaning, intervals and traces."""
