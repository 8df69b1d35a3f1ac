"""Programs as native code: C++ from a program, compiled once, at the speed of this machine."""
