"""From a network to HLS C++, through hls4ml's graph; no framework for training is imported.

The arithmetic is exact: a product and a sum keep every bit, so that only the formats that the
network itself names round or saturate. What hls4ml would change silently (a reuse factor that a
layer cannot have, a type) is an error here.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import warnings
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.core.core import Core, Port, Table
from fpgac.digest import digest_files, digest_json
from fpgac.errors import CoreError, Problem, Where, nearest
from fpgac.network.network import DenseLayer, Network, ReluLayer
from fpgac.numbers import FixedPoint, IntArray, Overflow
from fpgac.spec.models import HlsSection

__all__ = ["lower", "valid_reuse_factors"]

# hls4ml writes the core into C++'s global namespace, next to names and files of its own.
_TAKEN = re.compile(
    r"defines|parameters|myproject|(ap|hls|nnet)_\w+|(config|relu_config|layer)\d\w*|[wb]\d+|\w+_t",
    re.IGNORECASE,
)

# A constant is written as a decimal number without exponent: a C++ integer where it has no point.
_WIDEST_CONSTANT = 62


def lower(
    network: Network,
    hls: HlsSection,
    *,
    output: FixedPoint | None = None,
    reuse_factors: Mapping[str, int] | None = None,
) -> Core:
    """The network as HLS C++, whose top function bears the network's name.

    Args:
        network: dense and ReLU layers in a chain.
        hls: strategy, io type, clock, and the reuse factor of every layer that
            ``reuse_factors`` does not name.
        output: the format of the last layer's results; None keeps every bit of its sums.
        reuse_factors: reuse factors by the name of a dense layer.

    Raises:
        CoreError: a format cannot be represented, a layer cannot have its reuse factor, a name is
            one of hls4ml's own, or hls4ml refuses the network.
    """
    factors = _reuse_factors(network, hls, reuse_factors or {})
    _check_names(network)
    _check_formats(network, output)
    with _quiet_hls4ml(), tempfile.TemporaryDirectory(prefix="fpgac-") as folder:
        graph = _graph(network, hls, factors, output, folder)
        files = _written(graph, Path(folder))
    _check_graph(graph, network, factors, output)
    return _core(graph, network.name, hls, max(factors.values(), default=1), files)


def valid_reuse_factors(inputs: int, outputs: int) -> list[int]:
    """The reuse factors that a dense layer can have with the strategy ``resource``, ascending.

    Multipliers are shared along whole columns of the weights: a divisor of the inputs, or all
    inputs times a divisor of the outputs. It is hls4ml's own rule, without its search.
    """
    return [*_divisors(inputs), *(inputs * share for share in _divisors(outputs) if share > 1)]


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _reuse_factors(network: Network, hls: HlsSection, given: Mapping[str, int]) -> dict[str, int]:
    """Every dense layer's reuse factor, all of them possible."""
    dense = {layer.name: layer for layer in network.layers if isinstance(layer, DenseLayer)}
    problems = [
        Problem(
            f"a reuse factor is given for {name!r}, which is no dense layer of the network",
            where=Where(key="reuse_factor"),
            hint=nearest(name, dense),
        )
        for name in given
        if name not in dense
    ]
    factors = {name: given.get(name, hls.reuse_factor) for name in dense}
    for name, factor in factors.items():
        inputs, outputs = dense[name].weights.shape
        if hls.strategy == "latency":
            valid, rule = [1, inputs * outputs], f"1 to {inputs * outputs}, its multiplications"
            possible = 1 <= factor <= inputs * outputs
        else:
            valid = valid_reuse_factors(inputs, outputs)
            rule = (
                f"a divisor of its {inputs} inputs, or {inputs} times a divisor of its {outputs} "
            )
            rule += "outputs"
            possible = factor in valid
        if not possible:
            place = bisect(valid, factor)
            close = " or ".join(map(str, valid[max(place - 1, 0) : place + 1]))
            problems.append(
                Problem(
                    f"layer {name!r} cannot have the reuse factor {factor} with the strategy "
                    f"{hls.strategy!r}",
                    where=Where(key="reuse_factor" if name in given else "hls.reuse_factor"),
                    expected=rule,
                    got=str(factor),
                    hint=f"nearest for this layer: {close}; a layer may have a reuse_factor of its own",
                )
            )
    if problems:
        raise CoreError(*problems)
    return factors


def _check_names(network: Network) -> None:
    names = [network.name, *(layer.name for layer in network.layers)]
    problems = [
        Problem(
            f"the name {name!r} means something else in hls4ml's C++",
            expected="a plain C identifier that is not hls4ml's own",
            hint="choose another name",
        )
        for name in names
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or _TAKEN.fullmatch(name)
    ]
    lowered = [name.lower() for name in names[1:]]
    problems += [
        Problem(f"two layers are named {name!r}; hls4ml does not tell capital letters apart")
        for name in sorted({name for name in lowered if lowered.count(name) > 1})
    ]
    if problems:
        raise CoreError(*problems)


def _check_formats(network: Network, output: FixedPoint | None) -> None:
    if not network.layers:
        raise CoreError(Problem("the network has no layers"))
    last = network.layers[-1]
    if output is not None and isinstance(last, ReluLayer) and output != last.type:
        raise CoreError(
            Problem(
                "the results already have the format of the last layer, a ReLU",
                where=Where(key="interface.output"),
                expected=f"'auto' or {str(last.type)!r}",
                got=repr(str(output)),
            )
        )
    for edge in (network.input_type, output):
        if edge is not None:
            _ = edge.word_bits  # raises: too wide for a host's numbers
    for layer in network.layers:
        if isinstance(layer, DenseLayer):
            _check_constants(layer.name, "weights", layer.weights, layer.weight_type)
            _check_constants(layer.name, "biases", layer.bias, layer.bias_type)


def _check_constants(layer: str, what: str, words: IntArray, type_: FixedPoint) -> None:
    _ = type_.word_bits
    if type_.integer > _WIDEST_CONSTANT:
        raise CoreError(
            Problem(
                f"the {what} of layer {layer!r} cannot be written as C++ constants",
                expected=f"at most {_WIDEST_CONSTANT} bits before the point",
                got=str(type_),
            )
        )
    lowest, highest = _range(type_)
    if words.size and not lowest <= int(words.min()) <= int(words.max()) <= highest:
        raise CoreError(
            Problem(
                f"the {what} of layer {layer!r} do not fit their format",
                expected=f"raw words from {lowest} to {highest}, for {type_}",
                got=f"{words.min()} to {words.max()}",
                hint="the network is damaged: train or import it again",
            )
        )


def _range(type_: FixedPoint) -> tuple[int, int]:
    """The raw words that the bits can hold, whatever the overflow mode."""
    return (-(1 << (type_.width - 1)) if type_.signed else 0), type_.highest


@contextlib.contextmanager
def _quiet_hls4ml() -> Iterator[None]:
    """Keep what hls4ml prints off the terminal; its exceptions and warnings become errors."""
    printed = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    except CoreError:
        raise
    except OSError as error:
        raise CoreError(
            Problem(
                f"hls4ml's files could not be written to the temporary folder: {error}",
                hint="free some space there, or set TMPDIR to another folder",
            )
        ) from error
    except Exception as error:
        raise CoreError(
            Problem(f"hls4ml refuses the network: {type(error).__name__}: {error}")
        ) from error
    if "WARNING" in printed.getvalue():
        raise CoreError(
            Problem("hls4ml does not take the network as it is", got=printed.getvalue().strip())
        )


def _graph(
    network: Network,
    hls: HlsSection,
    factors: Mapping[str, int],
    output: FixedPoint | None,
    folder: str,
) -> Any:
    """hls4ml's graph of the network, all its passes applied."""
    import hls4ml
    from hls4ml.model.graph import ModelGraph

    config = hls4ml.utils.config.create_config(
        output_dir=folder,
        project_name=network.name,
        backend="Vitis",
        clock_period=1000 / hls.clock_mhz,
        io_type=hls.io_type,
        write_weights_txt=False,
    )
    entry, layers, precisions = _layer_list(network, output)
    model: dict[str, Any] = {
        "Precision": {"default": "ap_fixed<16,6>"},
        "ReuseFactor": 1,
        "Strategy": hls.strategy,
    }
    if hls.strategy == "latency" and (interval := max(factors.values(), default=1)) > 1:
        model["PipelineInterval"] = interval
    names: dict[str, dict[str, Any]] = {
        name: {"Precision": precision} for name, precision in precisions.items()
    }
    for name, factor in factors.items():
        names[name]["ReuseFactor"] = factor
    config["HLSConfig"] = {"Model": model, "LayerName": names}
    return ModelGraph.from_layer_list(config, layers, [entry], [network.layers[-1].name])


def _layer_list(
    network: Network, output: FixedPoint | None
) -> tuple[str, list[dict[str, Any]], dict[str, dict[str, str]]]:
    """hls4ml's description: the input layer's name, all layers, and each one's formats."""
    taken = {layer.name.lower() for layer in network.layers}
    entry = f"{network.name}_input"
    while entry.lower() in taken:
        entry += "s"
    layers: list[dict[str, Any]] = [
        {"name": entry, "class_name": "InputLayer", "input_shape": [network.input_size]}
    ]
    precisions = {entry: {"result": str(network.input_type)}}
    width = network.input_size
    for layer in network.layers:
        if isinstance(layer, DenseLayer):
            if layer.weights.shape[0] != width or layer.bias.shape != layer.weights.shape[1:]:
                raise CoreError(
                    Problem(
                        f"the weights of layer {layer.name!r} do not fit what comes before",
                        expected=f"shape ({width}, outputs), and a bias for each output",
                        got=f"{layer.weights.shape} and {layer.bias.shape}",
                    )
                )
            result = output if output is not None and layer is network.layers[-1] else "auto"
            precisions[layer.name] = {
                "weight": str(_plain(layer.weight_type)),
                "bias": str(_plain(layer.bias_type)),
                "accum": "auto",
                "result": str(result),
            }
            layers.append(_dense(layer))
            width = layer.weights.shape[1]
        else:
            precisions[layer.name] = {"result": str(layer.type)}
            layers.append(
                {
                    "name": layer.name,
                    "class_name": "Activation",
                    "activation": "relu",
                    "n_in": width,
                }
            )
    return entry, layers, precisions


def _dense(layer: DenseLayer) -> dict[str, Any]:
    inputs, outputs = layer.weights.shape
    return {
        "name": layer.name,
        "class_name": "Dense",
        "n_in": inputs,
        "n_out": outputs,
        "weight_data": _numbers(layer.weight_type, layer.weights),
        "bias_data": _numbers(layer.bias_type, layer.bias),
        "use_bias": True,
    }


def _numbers(type_: FixedPoint, words: IntArray) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(type_.number(words))


def _plain(type_: FixedPoint) -> FixedPoint:
    """The format without its modes: constants are on its grid already."""
    return FixedPoint(type_.width, type_.integer, type_.signed)


def _written(graph: Any, folder: Path) -> dict[str, bytes]:
    """The firmware's files, by path below ``firmware/``.

    hls4ml's ``write()`` would also import Keras where it is installed, and write what fpgac has
    its own of: scripts, a test bench, a bridge. ``ap_types`` are left out: HLS tools bring theirs.
    """
    from hls4ml.writer.vitis_writer import VitisWriter

    writer = VitisWriter()
    for write in (
        writer.write_project_dir,
        writer.write_project_cpp,
        writer.write_project_header,
        writer.write_weights,
        writer.write_defines,
        writer.write_parameters,
        writer.write_nnet_utils,
        writer.write_nnet_utils_overrides,
        writer.write_generated_code,
    ):
        write(graph)
    firmware = folder / "firmware"
    return {
        path.relative_to(firmware).as_posix(): path.read_bytes()
        for path in sorted(firmware.rglob("*"))
        if path.is_file() and path.relative_to(firmware).parts[0] != "ap_types"
    }


def _type(named: Any) -> FixedPoint:
    """What hls4ml's C++ will declare."""
    return FixedPoint.parse(named.precision.definition_cpp())


def _check_graph(
    graph: Any, network: Network, factors: Mapping[str, int], output: FixedPoint | None
) -> None:
    """hls4ml's graph is the network: same layers, same formats, sums that keep every bit."""
    entry, *nodes = graph.get_layers()
    _expect("the input", _type(entry.get_output_variable().type), network.input_type)
    _expect("the layers", [n.name for n in nodes], [layer.name for layer in network.layers])
    for (before, node), layer in zip(pairwise([entry, *nodes]), network.layers, strict=True):
        name = f"layer {layer.name!r}"
        result = _type(node.get_output_variable().type)
        if isinstance(layer, ReluLayer):
            _expect(f"{name}'s results", result, layer.type)
            continue
        accumulator = _type(node.types["accum_t"])
        last = layer is network.layers[-1]
        _expect(f"{name}'s weights", _type(node.types["weight_t"]), _plain(layer.weight_type))
        _expect(f"{name}'s biases", _type(node.types["bias_t"]), _plain(layer.bias_type))
        _expect(f"{name}'s results", result, output if last and output else accumulator)
        _expect(f"{name}'s reuse factor", node.get_attr("reuse_factor"), factors[layer.name])
        if not _keeps_every_bit(accumulator, _type(before.get_output_variable().type), layer):
            raise CoreError(Problem(f"hls4ml's sums of {name} lose bits", got=str(accumulator)))


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise CoreError(
            Problem(
                f"hls4ml changed the network: {what}",
                expected=str(expected),
                got=str(got),
                hint="this is a defect of fpgac, or another release of hls4ml",
            )
        )


def _keeps_every_bit(accumulator: FixedPoint, x: FixedPoint, layer: DenseLayer) -> bool:
    """Whether ``accumulator`` holds every sum of products that the formats allow."""
    fraction = max(x.fraction + layer.weight_type.fraction, layer.bias_type.fraction)
    if accumulator.fraction < fraction or accumulator.overflow is not Overflow.WRAP:
        return False
    products = [a * b for a in _range(x) for b in _range(layer.weight_type)]
    unit = 1 << (accumulator.fraction - x.fraction - layer.weight_type.fraction)
    bias_unit = 1 << (accumulator.fraction - layer.bias_type.fraction)
    count = layer.weights.shape[0]
    low, high = (
        count * extreme(products) * unit + extreme(_range(layer.bias_type)) * bias_unit
        for extreme in (min, max)
    )
    lowest, highest = _range(accumulator)
    return bool(lowest <= low and high <= highest)


def _core(graph: Any, top: str, hls: HlsSection, interval: int, files: Mapping[str, bytes]) -> Core:
    entry, result = (_port(graph.get_input_variables()), _port(graph.get_output_variables()))
    _ = result.type.word_bits  # raises: too wide for a host's numbers
    tables = tuple(
        Table(name=weights.name, cpp_type=weights.type.name)
        for node in graph.get_layers()
        for weights in node.get_weights()
    )
    digest = digest_json(
        {
            "top": top,
            "io_type": hls.io_type,
            "input": {**asdict(entry), "type": entry.type.cpp},
            "output": {**asdict(result), "type": result.type.cpp},
            "initiation_interval": interval,
            "clock_mhz": hls.clock_mhz,
            "tables": [asdict(table) for table in tables],
            "files": digest_files(files),
        }
    )
    return Core(
        top=top,
        io_type=hls.io_type,
        input=entry,
        output=result,
        initiation_interval=interval,
        clock_mhz=hls.clock_mhz,
        files=files,
        digest=digest,
        tables=tables,
    )


def _port(variables: Any) -> Port:
    (variable,) = variables
    return Port(
        name=variable.name,
        shape=tuple(int(size) for size in variable.shape),
        type=_type(variable.type),
        cpp_type=variable.type.name,
        lanes=int(getattr(variable.type, "n_elem", 1)),
    )
