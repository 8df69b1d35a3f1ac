"""Bit-exact and fast: a core as an integer program, interpreted or generated as C++."""
