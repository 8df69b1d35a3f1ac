"""Files of ONNX and QONNX: what PyTorch, Brevitas and many others export."""
