"""From a network to HLS C++, through hls4ml's graph; no training framework is imported.

The arithmetic is exact: a product and a sum keep every bit, so that only the formats that the
network itself names round or saturate. What hls4ml would change silently (a reuse factor that a
layer cannot have, a type) is an error here.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fpgac.core.checks import (
    check_formats,
    check_names,
    check_reuse,
    check_streams,
    check_written,
    declared_type,
    result_types,
)
from fpgac.core.core import Core, Port, Table
from fpgac.core.description import describe
from fpgac.core.graph import read_graph
from fpgac.core.reuse import reuse_factors
from fpgac.core.settings import HlsSettings
from fpgac.core.weights import are_numbers, write_weights
from fpgac.digest import digest_files, digest_json
from fpgac.errors import CoreError, Problem
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint

__all__ = ["core_of", "lower"]


def lower(
    network: Network,
    hls: HlsSettings,
    *,
    types: Mapping[str, FixedPoint] | None = None,
) -> Core:
    """The network as HLS C++, whose top function bears the network's name.

    Args:
        network: its operations.
        hls: strategies, io type, clock, and reuse factors.
        types: the formats of outputs, by name, that are not to keep every bit.

    Raises:
        CoreError: a format cannot be represented, a layer cannot have its reuse factor, a name is
            one of hls4ml's own, or hls4ml refuses the network.
    """
    check_names(network)
    check_streams(network, hls)
    results = result_types(network, types or {})
    check_formats(network, results)
    factors = reuse_factors(network, hls)
    with _quiet_hls4ml(), tempfile.TemporaryDirectory(prefix="fpgac-") as folder:
        graph = _graph(network, hls, factors, results, folder)
        core = core_of(graph, network.name, hls, max(factors.values(), default=1), Path(folder))
    check_reuse(graph, factors)
    return _named(core, network, results)


def _named(core: Core, network: Network, results: Mapping[str, FixedPoint]) -> Core:
    """The core's ports by the network's own names, shapes and modes; hls4ml knows none of them."""
    inputs = zip(core.inputs, network.inputs, strict=True)
    outputs = zip(core.outputs, network.outputs, network.output_tensors, strict=True)
    return replace(
        core,
        inputs=tuple(replace(port, name=t.name, shape=t.shape) for port, t in inputs),
        outputs=tuple(
            replace(port, name=t.name, shape=t.shape, type=_asked(port.type, results[output.node]))
            for port, output, t in outputs
        ),
    )


def _asked(given: FixedPoint, asked: FixedPoint) -> FixedPoint:
    """The type that was asked for, if the one that is given differs in its modes alone: they say
    nothing of the words that are there.
    """
    alike = replace(given, rounding=asked.rounding, overflow=asked.overflow) == asked
    return asked if alike else given


def core_of(graph: Any, top: str, hls: HlsSettings, interval: int, folder: Path) -> Core:
    """hls4ml's ``ModelGraph``, all its passes applied, as a core.

    Args:
        graph: the graph; it writes its files into ``folder``, as its configuration must say.
        top: the name of the top function, the graph's project.
        hls: what the graph was made with.
        interval: its largest reuse factor.
        folder: a temporary folder; nothing in it is needed afterwards.

    Raises:
        CoreError: a number at the core's edge is too wide for a host, or the C++ would not compile.
    """
    check_written(graph)
    return _core(graph, top, hls, interval, _written(graph, folder))


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
                code="core.cannot-write",
            )
        ) from error
    except Exception as error:
        raise CoreError(
            Problem(
                f"hls4ml refuses the network: {type(error).__name__}: {error}",
                code="core.refused",
            )
        ) from error
    if "WARNING" in printed.getvalue():
        raise CoreError(
            Problem(
                "hls4ml does not take the network as it is",
                got=printed.getvalue().strip(),
                code="core.warned",
            )
        )


def _graph(
    network: Network,
    hls: HlsSettings,
    factors: Mapping[str, int],
    results: Mapping[str, FixedPoint],
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
    described = describe(network, hls, factors, results)
    interval = max(factors.values(), default=1)
    config["HLSConfig"] = {
        "Model": {
            "Precision": {"default": "ap_fixed<16,6>"},
            "ReuseFactor": 1,
            "Strategy": hls.strategy,
            # Elements with formats of their own would make hls4ml choose all types again.
            "BitExact": False,
            # Without it, a top that is one pipeline aims at a sample a cycle, whatever its layers.
            "PipelineInterval": interval if interval > 1 else None,
        },
        "LayerName": described.settings,
    }
    return ModelGraph.from_layer_list(config, described.layers, described.inputs, described.outputs)


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
        writer.write_defines,
        writer.write_parameters,
        writer.write_nnet_utils,
        writer.write_nnet_utils_overrides,
        writer.write_generated_code,
    ):
        write(graph)
    firmware = folder / "firmware"
    write_weights(writer, graph, firmware / "weights")
    return {
        path.relative_to(firmware).as_posix(): path.read_bytes()
        for path in sorted(firmware.rglob("*"))
        if path.is_file() and path.relative_to(firmware).parts[0] != "ap_types"
    }


def _core(
    graph: Any, top: str, hls: HlsSettings, interval: int, files: Mapping[str, bytes]
) -> Core:
    inputs = tuple(map(_port, graph.inputs, graph.get_input_variables()))
    outputs = tuple(map(_port, graph.outputs, graph.get_output_variables()))
    for port in (*inputs, *outputs):
        _ = port.type.word_bits  # raises: too wide for a host's numbers
    tables = tuple(
        Table(name=weights.name, cpp_type=weights.type.name)
        for node in graph.get_layers()
        for weights in node.get_weights()
        if are_numbers(weights)
    )
    plain = read_graph(graph)
    digest = digest_json(
        {
            "top": top,
            "io_type": hls.io_type,
            "inputs": list(map(_plain_port, inputs)),
            "outputs": list(map(_plain_port, outputs)),
            "initiation_interval": interval,
            "clock_mhz": hls.clock_mhz,
            "tables": [asdict(table) for table in tables],
            "files": digest_files(files),
            "graph": plain.digest,
        }
    )
    return Core(
        top=top,
        io_type=hls.io_type,
        inputs=inputs,
        outputs=outputs,
        initiation_interval=interval,
        clock_mhz=hls.clock_mhz,
        files=files,
        digest=digest,
        tables=tables,
        graph=plain,
    )


def _plain_port(port: Port) -> dict[str, Any]:
    """What hls4ml says of a port."""
    plain = {**asdict(port), "type": port.type.cpp}
    return {key: value for key, value in plain.items() if key not in ("scaling", "decoding")}


def _port(name: str, variable: Any) -> Port:
    return Port(
        name=name,
        shape=tuple(int(size) for size in variable.shape),
        type=declared_type(variable.type),
        cpp_type=variable.type.name,
        lanes=int(getattr(variable.type, "n_elem", 1)),
    )
