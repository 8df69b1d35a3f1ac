"""fpgac: a declarative compiler from neural networks to FPGA cards."""

__version__ = "0.1.0"
