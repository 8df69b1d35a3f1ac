"""The processing system of a Zynq made of software, for hosts on pynq.

A host's own process loads it (:mod:`fpgac.emulation.zynq.device`), in the place of the board's
device: memory apart from the host's, an AXI DMA and the kernel's IP behind their registers, and the
kernel's C++ in a process of its own.
"""
