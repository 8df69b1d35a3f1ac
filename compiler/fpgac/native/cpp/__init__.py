"""Fast C++ from an exact program: blocks of samples in vectors, weights of zero left out."""
