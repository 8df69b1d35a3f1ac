"""What a user of hls4ml alone runs: from a trained network to a simulation that answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fpgac.network.file import read_network
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu


def compiled(network: Network, folder: Path) -> Any:
    """The network as hls4ml's ``ModelGraph``, written below ``folder`` and compiled as it does."""
    graph = converted(network, folder)
    with quiet_tensorflow():
        graph.compile()
    return graph


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """hls4ml imports it where it writes, and what it says of itself would stand between tables."""
    errors, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        os.close(nowhere)


def converted(network: Network, folder: Path) -> Any:
    """The network as hls4ml's ``ModelGraph``, which will write itself below ``folder``."""
    import hls4ml
    from hls4ml.model.graph import ModelGraph

    (entry,) = network.inputs
    size = entry.size
    layers: list[dict[str, Any]] = [
        {"name": "x", "class_name": "InputLayer", "input_shape": [size]}
    ]
    names: dict[str, Any] = {"x": {"Precision": {"result": str(entry.type)}}}
    for node in network.nodes:
        layer = node.operation
        if isinstance(layer, Dense):
            n_in, size = layer.weights.shape
            layers.append(
                {
                    "name": node.name,
                    "class_name": "Dense",
                    "n_in": n_in,
                    "n_out": size,
                    "weight_data": layer.weight_type.number(layer.weights),
                    "bias_data": layer.bias_type.number(layer.bias),
                    "use_bias": True,
                }
            )
            precision = {"weight": str(layer.weight_type), "bias": str(layer.bias_type)}
            names[node.name] = {
                "Precision": precision | {"accum": "auto", "result": "auto"},
                "ReuseFactor": 1,
            }
        elif isinstance(layer, Relu):
            activation = {"class_name": "Activation", "activation": "relu", "n_in": size}
            layers.append({"name": node.name} | activation)
            names[node.name] = {"Precision": {"result": str(layer.grid)}}
        else:
            raise TypeError(f"{node.name} is neither dense nor a ReLU")
    config = hls4ml.utils.config.create_config(
        output_dir=str(folder), project_name="muon", backend="Vitis", io_type="io_parallel"
    )
    model = {"Precision": {"default": "ap_fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Latency"}
    config["HLSConfig"] = {"Model": model, "LayerName": names}
    return ModelGraph.from_layer_list(config, layers, ["x"], [layers[-1]["name"]])


def main(network: str, folder: str) -> None:
    trained = read_network(Path(network))
    compiled(trained, Path(folder)).predict(np.zeros((1, trained.input_layout.size), np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
