"""What makes an Amazon FPGA Image of an xclbin, here and in a build folder."""
