"""What each function of hls4ml's C++ computes, as operations of a program."""
