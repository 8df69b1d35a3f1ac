"""What a network costs on an FPGA, before any synthesis: area, intervals, latencies, limits."""
