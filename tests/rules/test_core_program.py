"""The exact program gives the very words of hls4ml's C simulation, whatever the network.

Hypothesis draws networks: layers, formats with all their modes, strategies, reuse factors, weights
on and off their grid. Every drawn network runs on many random samples, extremes among them,
and every value of the program must lie in the interval that was proven for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from fpgac.core.core import Core
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.network.file import read_network
from fpgac.network.meaning import outputs
from fpgac.program.program import Accumulate, Cast, Clip, Dot
from fpgac.rules.core_program import exact_program
from tests.rules.drawing import (
    CoreOf,
    Description,
    Drawn,
    Shape,
    accumulators,
    answers,
    formats,
    refused,
    samples,
    sums,
)

SPECS = Path(__file__).parents[2] / "specs"


def dense(draw: st.DrawFn, net: Drawn) -> None:
    inputs, outputs = net.shape[0], draw(st.integers(1, 5))
    net.add(
        "Dense",
        (outputs,),
        types=sums(draw),
        reuse=draw(st.sampled_from([1, 2, 3, 4, 6, 12])),
        n_in=inputs,
        n_out=outputs,
        weight_data=net.rng.normal(0, 2, (inputs, outputs)),
        bias_data=net.rng.normal(0, 2, outputs),
    )


def activation(draw: st.DrawFn, net: Drawn) -> None:
    names = ["relu", "sigmoid", "tanh", "softplus", "softsign", "elu", "selu", "linear"]
    names += [] if net.streams else ["relu6", "relu1"]
    names += ["binary_tanh", "ternary_tanh"]
    types = {"result": draw(formats()), "table": draw(formats(most=18))}
    name = draw(st.sampled_from(names))
    net.add("Activation", types=types, activation=name, n_in=prod(net.shape))
    if draw(st.booleans()):
        net.settings[net.layers[-1]["name"]]["table_size"] = draw(st.sampled_from([64, 100, 2048]))


def with_parameter(draw: st.DrawFn, net: Drawn) -> None:
    kinds = {"LeakyReLU": "leaky_relu", "ThresholdedReLU": "thresholded_relu", "ELU": "elu"}
    kind = draw(st.sampled_from(sorted(kinds)))
    net.add(
        kind,
        types={"result": draw(formats()), "param": draw(formats())},
        activation=kinds[kind],
        activ_param=draw(st.sampled_from([0.3, 1.0, 0.7, -0.4])),
        n_in=prod(net.shape),
    )


def hard(draw: st.DrawFn, net: Drawn) -> None:
    name = draw(st.sampled_from(["hard_sigmoid", "hard_tanh"]))
    net.add("HardActivation", types={"result": draw(formats())}, activation=name)


def prelu(draw: st.DrawFn, net: Drawn) -> None:
    net.add(
        "PReLU",
        types={"result": draw(formats()), "param": draw(formats())},
        activation="prelu",
        param_data=net.rng.normal(0, 2, net.shape),
        n_in=prod(net.shape),
    )


def softmax(draw: st.DrawFn, net: Drawn) -> None:
    sized = {name: draw(formats(most=14)) for name in ("exp_table", "inv_table", "accum")}
    outer = prod(net.shape[:-1])
    net.add(
        "Softmax",
        types={"result": draw(formats()), **sized, "inv_inp": draw(formats(most=14))},
        activation="softmax",
        n_in=prod(net.shape),
        n_outer=outer,
        n_inner=1,
        axis=-1,
        implementation=draw(st.sampled_from(["stable", "latency", "argmax", "legacy"])),
    )


def batch_normalisation(draw: st.DrawFn, net: Drawn) -> None:
    channels = net.shape[-1]
    net.add(
        "BatchNormalization",
        types={"result": draw(formats()), "scale": draw(formats()), "bias": draw(formats())},
        n_in=prod(net.shape),
        n_filt=channels if len(net.shape) > 1 else -1,
        scale_data=net.rng.normal(0, 2, channels),
        bias_data=net.rng.normal(0, 2, channels),
        use_gamma=True,
        use_beta=True,
    )


def two_branches(draw: st.DrawFn, net: Drawn) -> None:
    before, shape = net.layers[-1]["name"], net.shape
    branches = [
        net.add(
            "Activation",
            types={"result": draw(formats())},
            inputs=[before],
            activation=draw(st.sampled_from(["relu", "linear"])),
            n_in=prod(shape),
        )
        for _ in range(2)
    ]
    if draw(st.booleans()):
        axis = draw(st.integers(1, len(shape)))
        longer = tuple(size * (1 + (axis == place)) for place, size in enumerate(shape, start=1))
        op = f"concatenate{len(shape)}d"
        types = {"result": draw(formats())}
        net.add("Concatenate", longer, types=types, inputs=branches, op=op, axis=axis)
        return
    ops = ["add", "subtract", "multiply", "average", "maximum", "minimum"]
    op = draw(st.sampled_from(ops))
    net.add("Merge", types={"result": draw(formats())}, inputs=branches, op=op)


def convolution(draw: st.DrawFn, net: Drawn) -> None:
    *image, channels = net.shape
    axes = ("height", "width")[-len(image) :]
    sizes: Description = {f"filt_{axis}": draw(st.integers(1, 3)) for axis in axes}
    depthwise = net.strategy == "latency" and draw(st.booleans())
    filters = channels if depthwise else draw(st.integers(1, 4))
    kernel = (*sizes.values(), channels, 1 if depthwise else filters)
    swept, places = sweep(draw, net, image, list(sizes.values()), overlapping=True)
    taps = prod(kernel[:-1])
    weights: Description = {
        "depthwise_data" if depthwise else "weight_data": net.rng.normal(0, 2, kernel)
    }
    net.add(
        f"{'Depthwise' if depthwise else ''}Conv{len(image)}D",
        (*places, filters),
        types=sums(draw),
        reuse=draw(st.sampled_from([reuse for reuse in (1, 2, 3) if taps % reuse == 0])),
        **sizes,
        **swept,
        n_chan=channels,
        n_filt=filters,
        **weights,
        bias_data=net.rng.normal(0, 2, filters),
    )


def pooling(draw: st.DrawFn, net: Drawn) -> None:
    *image, channels = net.shape
    op = draw(st.sampled_from(["Max", "Average"]))
    # With whole numbers, which are cut off towards zero, an average is refused.
    accumulator = draw(accumulators().filter(lambda type_: "TRN_ZERO" not in type_))
    types = {"result": draw(formats()), "accum": accumulator}
    axes = ("height", "width")[-len(image) :]
    if draw(st.integers(0, 3)) == 0:
        sizes: Description = {f"in_{axis}": size for axis, size in zip(axes, image, strict=True)}
        if len(image) == 1:
            sizes = {"n_in": image[0]}
        kind = f"Global{op}Pooling{len(image)}D"
        data_format = "channels_last"
        net.add(kind, (channels,), types=types, **sizes, n_filt=channels, data_format=data_format)
        return
    sizes = {
        f"pool_{axis}": draw(st.integers(1, min(3, size)))
        for axis, size in zip(axes, image, strict=True)
    }
    swept, places = sweep(
        draw, net, image, list(sizes.values()), overlapping=not net.streams, padded=not net.streams
    )
    if len(image) == 1:
        swept |= {"n_in": image[0], "n_out": places[0]}
    counted: Description = {"count_pad": draw(st.booleans())}
    kind = f"{op}Pooling{len(image)}D"
    net.add(kind, (*places, channels), types=types, **sizes, **swept, **counted, n_filt=channels)


def sweep(
    draw: st.DrawFn,
    net: Drawn,
    image: Sequence[int],
    sizes: Sequence[int],
    *,
    overlapping: bool,
    padded: bool = True,
) -> tuple[Description, Shape]:
    """How windows of ``sizes`` sweep over the image, and in how many places they stand."""
    axes = {"height": ("top", "bottom"), "width": ("left", "right")}
    described: Description = {"data_format": "channels_last"}
    places = []
    for axis, length, size in zip(list(axes)[-len(image) :], image, sizes, strict=True):
        stride = draw(st.integers(1, 2)) if overlapping else size
        if net.streams and size == 1:
            stride = 1
        pads = [draw(st.integers(0, size - 1)) if padded else 0 for _ in range(2)]
        pads[1] += max(0, size - length - sum(pads))
        places.append((length + sum(pads) - size) // stride + 1)
        described |= {f"in_{axis}": length, f"out_{axis}": places[-1], f"stride_{axis}": stride}
        described |= {f"pad_{side}": pad for side, pad in zip(axes[axis], pads, strict=True)}
    return described, tuple(places)


def flattened(draw: st.DrawFn, net: Drawn) -> None:
    net.add("Reshape", (prod(net.shape),), types={}, target_shape=[prod(net.shape)])
    dense(draw, net)


def transposed(draw: st.DrawFn, net: Drawn) -> None:
    # hls4ml's streams exchange two axes also where nothing is asked of them: that is refused.
    orders = st.permutations(range(len(net.shape)))
    order = draw(orders.filter(lambda order: not (net.streams and order == [0, 1])))
    shape = tuple(net.shape[axis] for axis in order)
    net.add("Transpose", shape, types={"result": draw(formats())}, perm=list(order))
    net.add("Activation", types={"result": draw(formats())}, activation="relu", n_in=prod(shape))


ANYWHERE = (activation, with_parameter, hard, softmax, batch_normalisation, two_branches)
OF_VECTORS = (*ANYWHERE, *[dense] * 4, prelu)
OF_IMAGES = (*ANYWHERE, *[convolution] * 4, *[pooling] * 3, flattened, transposed)


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """One to three layers on a vector, a sequence or an image."""
    net = Drawn(
        draw(st.sampled_from(["io_parallel", "io_stream"])),
        draw(st.sampled_from(["latency", "resource"])),
        np.random.default_rng(draw(st.integers(0, 99))),
    )
    rank = draw(st.sampled_from([1, 1, 2, 3]))
    net.add(
        "InputLayer",
        tuple(draw(st.integers(2, 6 if rank == 1 else 4)) for _ in range(rank)),
        types={"result": draw(formats())},
    )
    net.layers[0]["input_shape"] = list(net.shape)
    for _ in range(draw(st.integers(1, 3))):
        rules: Sequence[Callable[[st.DrawFn, Drawn], None]]
        rules = OF_VECTORS if len(net.shape) == 1 else OF_IMAGES
        draw(st.sampled_from(rules))(draw, net)
    return net


def one_dense(core_from: CoreOf, types: Mapping[str, str], reuse: int = 1, **options: Any) -> Core:
    net = Drawn("io_parallel", "latency", np.random.default_rng(1))
    net.add("InputLayer", (6,), types={"result": "ap_fixed<8,3>"}, input_shape=[6])
    net.add(
        "Dense",
        (2,),
        types={"weight": "ap_fixed<6,2>", "bias": "ap_fixed<6,2>", **types},
        reuse=reuse,
        n_in=6,
        n_out=2,
        weight_data=net.rng.normal(0, 1, (6, 2)),
        bias_data=net.rng.normal(0, 1, 2),
    )
    net.settings["n1"] |= options
    return core_from(net.layers, net.settings, strategy=options.get("strategy", "latency"))


@pytest.mark.parametrize("name", ["iris", "muon"])
def test_the_specs_networks_are_plain_sums_and_casts(name: str) -> None:
    network = read_network(SPECS / f"{name}.network.json")
    core = lower(network, HlsSettings())
    words = samples(core, 1)
    program = exact_program(core)
    assert {type(operation) for operation in program.operations} == {Dot, Clip, Cast}
    expected = core.output_layout.raw(outputs(network, words))
    assert np.array_equal(answers(program, words), expected)
    assert [layer for layer, _ in program.layers] == [node.name for node in network.nodes]


def operations(core: Core) -> list[type]:
    return [type(operation) for operation in exact_program(core).operations]


@pytest.mark.parametrize(
    ("accumulator", "expected"),
    [
        ("ap_fixed<24,12>", [Dot, Cast]),
        ("ap_fixed<24,12,RND,SAT>", [Dot, Cast]),
        ("ap_fixed<10,1>", [Dot, Cast, Cast]),
        ("ap_fixed<10,1,TRN,SAT>", [Accumulate, Cast]),
        ("ap_fixed<10,6>", [Accumulate, Cast]),
    ],
    ids=["keeps all", "keeps all, would saturate", "wraps", "saturates", "rounds"],
)
def test_sums_are_plain_wherever_that_is_the_same(
    core_from: CoreOf, accumulator: str, expected: list[type]
) -> None:
    core = one_dense(core_from, {"accum": accumulator, "result": "ap_fixed<8,3>"})
    assert operations(core) == expected


def test_a_saturating_accumulator_adds_in_the_order_of_its_reuse_factor(
    core_from: CoreOf,
) -> None:
    types = {"accum": "ap_fixed<8,2,RND,SAT>", "result": "ap_fixed<8,3>"}
    orders = []
    for reuse in (1, 2, 3):
        core = one_dense(core_from, types, reuse, strategy="resource")
        accumulate = exact_program(core).operations[0]
        assert isinstance(accumulate, Accumulate)
        orders.append(accumulate.windows[0].tolist())
    assert orders == [[0, 1, 2, 3, 4, 5], [0, 2, 4, 1, 3, 5], [0, 3, 1, 4, 2, 5]]


def test_types_wider_than_64_bits_are_exact_where_numbers_are_not(core_from: CoreOf) -> None:
    core = one_dense(core_from, {"accum": "ap_fixed<80,40>", "result": "ap_fixed<8,3>"})
    assert operations(core) == [Dot, Cast]
    far = one_dense(core_from, {"accum": "ap_fixed<140,40>", "result": "ap_fixed<8,3>"})
    assert refused(far) == ("n1", "program.too-wide")


def test_weights_wider_than_a_float64_are_refused(core_from: CoreOf) -> None:
    core = one_dense(core_from, {"weight": "ap_fixed<70,2>", "result": "ap_fixed<8,3>"})
    assert refused(core) == ("n1", "program.no-fixed-point")


def test_cpp_that_was_written_by_hand_is_refused(core_from: CoreOf) -> None:
    core = one_dense(core_from, {"accum": "ap_fixed<20,8>", "result": "ap_fixed<8,3>"})
    assert refused(replace(core, graph=None)) == ("", "program.unknown-layer")


def image(io_type: str = "io_stream", type_: str = "ap_fixed<8,3>") -> Drawn:
    net = Drawn(io_type, "latency", np.random.default_rng(1))
    net.add("InputLayer", (3, 4), types={"result": type_}, input_shape=[3, 4])
    return net


def test_where_hls4mls_streams_go_astray_there_is_no_exact_form(core_from: CoreOf) -> None:
    flat = image()
    flat.add("Reshape", (12,), types={}, target_shape=[12])
    flat.add("Activation", types={}, activation="relu", n_in=12)
    assert refused(flat.core(core_from, "net")) == ("n2", "program.faulty-cpp")

    turned = image()
    turned.add("Transpose", types={}, perm=[0, 1])
    turned.add("Activation", types={}, activation="relu", n_in=12)
    assert refused(turned.core(core_from, "net")) == ("n1", "program.faulty-cpp")


def test_numbers_too_great_for_a_tables_index_are_refused(core_from: CoreOf) -> None:
    net = image("io_parallel", "ap_fixed<40,38>")
    net.add("Activation", types={"result": "ap_fixed<8,2>"}, activation="sigmoid", n_in=12)
    assert refused(net.core(core_from, "net")) == ("n1", "program.faulty-cpp")
