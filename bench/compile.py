"""How long a compile takes: cold against hls4ml alone, warm against cold, and start-up.

The peer of the cold compile is hls4ml's own convert, write and compile of the same network in a
process of its own; fpgac does the same, and then the kernel, three hosts, the xclbin and the proof.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _figures import Figure, in_turn, process, show

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "specs" / "muon.toml"
FPGAC = (sys.executable, "-m", "fpgac")

# What a user of hls4ml alone would run: from the trained network to a simulation that answers.
HLS4ML = """
import sys, numpy as np, hls4ml
from hls4ml.model.graph import ModelGraph
from pathlib import Path
from fpgac.network.file import read_network
from fpgac.network.network import DenseLayer

network = read_network(Path(sys.argv[1]))
size, layers, names = network.input_size, [], {}
layers.append({"name": "x", "class_name": "InputLayer", "input_shape": [size]})
names["x"] = {"Precision": {"result": str(network.input_type)}}
for layer in network.layers:
    if isinstance(layer, DenseLayer):
        n_in, n_out = layer.weights.shape
        layers.append({
            "name": layer.name, "class_name": "Dense", "n_in": n_in, "n_out": n_out,
            "weight_data": layer.weight_type.number(layer.weights),
            "bias_data": layer.bias_type.number(layer.bias), "use_bias": True,
        })
        names[layer.name] = {"Precision": {
            "weight": str(layer.weight_type), "bias": str(layer.bias_type),
            "accum": "auto", "result": "auto"}, "ReuseFactor": 1}
    else:
        layers.append({"name": layer.name, "class_name": "Activation", "activation": "relu",
                       "n_in": n_out})
        names[layer.name] = {"Precision": {"result": str(layer.type)}}
config = hls4ml.utils.config.create_config(
    output_dir=sys.argv[2], project_name="muon", backend="Vitis", io_type="io_parallel")
config["HLSConfig"] = {
    "Model": {"Precision": {"default": "ap_fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Latency"},
    "LayerName": names}
graph = ModelGraph.from_layer_list(config, layers, ["x"], [layers[-1]["name"]])
graph.compile()
graph.predict(np.zeros((1, size), np.float32))
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as scratch:
        folder, peer = Path(scratch, "muon"), Path(scratch, "hls4ml")
        compile_ = (*FPGAC, "compile", SPEC, "--target", "aws-f1", "--out", folder)
        cold = process(*compile_)
        alone = process(sys.executable, "-c", HLS4ML, SPEC.with_name("muon.network.json"), peer)
        warm, help_, validate, hls4ml_help, python = in_turn(
            [
                lambda: process(*compile_),
                lambda: process(*FPGAC, "--help"),
                lambda: process(*FPGAC, "validate", SPEC),
                lambda: process(Path(sys.executable).with_name("hls4ml"), "--help"),
                lambda: process(sys.executable, "-c", "import typer"),
            ],
            times=5,
        )
    show(
        "compile of muon for aws-f1, whole processes",
        [
            Figure("compile.cold", cold, "s", "hls4ml: convert, write, compile", alone),
            Figure("compile.warm", warm, "s", "cold", cold),
            Figure("startup.help", help_, "s", "python importing typer", python),
            Figure("startup.validate", validate, "s", "hls4ml --help", hls4ml_help),
        ],
    )


if __name__ == "__main__":
    main()
