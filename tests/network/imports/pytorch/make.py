"""The ``.onnx`` files in this folder, as the exporters of PyTorch and Brevitas write them.

They need an environment of their own, with torch 2.13.0, brevitas 0.13.4, onnxscript 0.7.2,
onnxoptimizer 0.4.2 and setuptools 79: ``python make.py FOLDER``. PyTorch has two exporters: the
older one, of traces (``dynamo=False``), and that of ``torch.export`` (``dynamo=True``), which puts
numbers into a file beside the graph.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def floats() -> Any:
    """A convolutional network with what PyTorch's networks usually have."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding="same", groups=4),
        nn.LeakyReLU(0.125),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 8),
        nn.Hardtanh(0, 6),
        nn.Dropout(0.5),
        nn.Linear(8, 3),
    )


def quantised(*, bias: bool = True) -> Any:
    """A network whose every number is on a grid of a power of two."""
    import brevitas.nn as qnn
    import torch
    from brevitas import quant
    from torch import nn

    weights = {"bias": bias, "weight_quant": quant.Int8WeightPerTensorFixedPoint}
    if bias:
        weights["bias_quant"] = quant.Int8BiasPerTensorFixedPointInternalScaling
    samples = {"act_quant": quant.Int8ActPerTensorFixedPoint, "return_quant_tensor": True}
    positive = {**samples, "act_quant": quant.Uint8ActPerTensorFixedPoint}
    network = nn.Sequential(
        qnn.QuantIdentity(bit_width=8, **samples),
        qnn.QuantConv2d(1, 4, 3, padding=1, weight_bit_width=5, **weights),
        qnn.QuantReLU(bit_width=6, **positive),
        nn.MaxPool2d(2),
        nn.Flatten(),
        qnn.QuantLinear(64, 3, weight_bit_width=6, **weights),
    )
    network.train()
    for _ in range(40):  # activations find their scales
        network(torch.randn(32, 1, 8, 8))
    return network


def export(path: Path, network: Any, *, dynamo: bool) -> None:
    """By PyTorch's own exporter."""
    import torch

    sample = torch.randn(1, 1, 8, 8)
    names = {"input_names": ["image"], "output_names": ["classes"]}
    torch.onnx.export(network.eval(), (sample,), path, dynamo=dynamo, **names)
    without_notes(path)


def without_notes(path: Path) -> None:
    """Without the places in source files that the exporters write down."""
    import onnx

    model = onnx.load(path)
    noted = (model, model.graph, *model.graph.node, *model.graph.value_info)
    for each in (*noted, *model.graph.input, *model.graph.output):
        del each.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    beside = path.with_name(f"{path.name}.data").is_file()
    data = path.with_name(f"{path.name}.data")
    data.unlink(missing_ok=True)
    onnx.save(model, path, save_as_external_data=beside, location=data.name, size_threshold=0)


def main(folder: Path) -> None:
    """Make all files."""
    import torch
    from brevitas.export import export_onnx_qcdq, export_qonnx

    sample = torch.randn(1, 1, 8, 8)
    torch.manual_seed(3)
    network = floats()
    export(folder / "torch_traced.onnx", network, dynamo=False)
    export(folder / "torch_exported.onnx", network, dynamo=True)
    network, plain = quantised().eval(), quantised(bias=False).eval()
    # Brevitas exports no biases with dynamo=True in this form.
    files = (
        ("brevitas_qonnx_traced", export_qonnx, network, False),
        ("brevitas_qonnx_exported", export_qonnx, network, True),
        ("brevitas_qcdq_traced", export_onnx_qcdq, network, False),
        ("brevitas_qcdq_exported", export_onnx_qcdq, plain, True),
    )
    for name, write, model, dynamo in files:
        path = folder / f"{name}.onnx"
        write(model, args=sample, export_path=str(path), dynamo=dynamo)
        without_notes(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
