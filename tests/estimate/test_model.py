"""The cost of a layer: where multipliers go, what a reuse factor shares, how deep a sum is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fpgac.estimate.layers import Layer
from fpgac.estimate.limits import warnings
from fpgac.estimate.model import Area, Device, Timing, area, timing
from fpgac.estimate.total import total
from fpgac.estimate.weights import Constants

ZYNQ = Device.of("xc7z020clg400-1")
VIRTEX = Device.of("xcvu9p-flgb2104-2-i")

DENSE = Layer(
    "dense_1",
    "dense",
    x_bits=16,
    out_bits=28,
    elements=32,
    constants=Constants(16, 32, nonzero=512, two_digit=100, multipliers=300),
    weight_bits=8,
    sum_bits=28,
)
LARGE = replace(DENSE, constants=Constants(64, 65, 9, 9, 9))
RELU = Layer("relu_1", "relu", x_bits=28, out_bits=8, elements=32)


def test_wide_products_go_into_dsps_and_narrow_ones_into_luts() -> None:
    narrow = replace(DENSE, x_bits=8)
    assert area(DENSE, VIRTEX).dsp == 300
    assert area(narrow, VIRTEX).dsp == 0
    assert area(narrow, VIRTEX).lut > area(DENSE, VIRTEX).lut


def test_products_wider_than_a_dsp_take_several() -> None:
    wide = replace(DENSE, x_bits=26, weight_bits=18)
    assert area(wide, VIRTEX).dsp == 300
    assert area(wide, ZYNQ).dsp == 600  # 25 bits, not 27


def test_reuse_with_the_strategy_latency_shares_no_adders() -> None:
    once, often = (area(replace(DENSE, reuse=n), VIRTEX) for n in (1, 8))
    assert (once.dsp, often.dsp) == (300, 64)
    assert once.lut == often.lut


def test_reuse_with_the_strategy_resource_puts_weights_into_memory() -> None:
    shared = area(replace(DENSE, reuse=16, strategy="resource"), VIRTEX)
    assert (shared.dsp, shared.bram) == (32, 8)  # 32 x 8 bits a cycle, 36 from each memory
    assert shared.lut < area(DENSE, VIRTEX).lut


def test_a_reuse_factor_of_1_leaves_weights_in_the_logic() -> None:
    assert area(replace(DENSE, strategy="resource"), VIRTEX) == area(DENSE, VIRTEX)


def test_sums_are_pipelined_by_clock_and_family() -> None:
    def latency(device: Device, clock_mhz: float) -> int:
        return timing(DENSE, device, clock_mhz).latency

    assert latency(VIRTEX, 100.0) <= latency(VIRTEX, 400.0) < latency(ZYNQ, 400.0)


def test_the_interval_is_never_more_than_the_reuse_factor() -> None:
    assert timing(DENSE, VIRTEX, 200.0).interval == 1
    assert timing(replace(DENSE, reuse=4), VIRTEX, 200.0).interval == 4
    assert timing(replace(DENSE, reuse=16, strategy="resource"), VIRTEX, 200.0).interval == 16


def test_a_convolution_goes_from_position_to_position() -> None:
    layer = replace(DENSE, kind="conv2d", elements=32 * 49, positions=49)
    assert area(layer, VIRTEX).dsp == 300
    assert timing(layer, VIRTEX, 200.0).interval == 49


def test_streams_compute_a_position_at_a_time_and_need_fifos() -> None:
    image = replace(RELU, elements=32 * 49, positions=49)
    whole, streamed = (area(image, VIRTEX, streams) for streams in (False, True))
    assert streamed.lut * 49 == pytest.approx(whole.lut)
    assert (whole.bram, streamed.bram) == (0, 8)  # 32 x 8 bits, 36 in each memory


def test_what_only_moves_numbers_costs_nothing() -> None:
    flatten = replace(RELU, kind="flatten")
    assert area(flatten, ZYNQ) == Area()
    assert timing(flatten, ZYNQ, 200.0) == Timing(1, 0)


def test_a_network_is_the_sum_of_its_layers_and_as_slow_as_the_slowest() -> None:
    slow = replace(DENSE, reuse=4)
    whole = total([DENSE, RELU, slow], VIRTEX, 200.0)
    parts = [cost.area for cost in whole.costs]
    assert whole.area == parts[0] + parts[1] + parts[2]
    assert whole.timing.interval == 4
    assert whole.timing.latency == sum(cost.timing.latency for cost in whole.costs)


@pytest.mark.parametrize(
    ("layer", "streams", "said"),
    [
        (DENSE, False, []),
        (replace(DENSE, reuse=2), False, ["adder"]),
        (LARGE, False, ["4,160"]),
        (replace(DENSE, constants=Constants(64, 64, 9, 9, 9)), False, []),
        (replace(LARGE, reuse=2, strategy="resource"), False, []),
        (replace(DENSE, positions=49), False, ["2025.1"]),
        (replace(DENSE, positions=49), True, []),
    ],
)
def test_limits_of_hls4ml_are_one_line_each(layer: Layer, streams: bool, said: list[str]) -> None:
    lines = list(warnings([layer], streams))
    assert len(lines) == len(said)
    assert all(word in line and "\n" not in line for word, line in zip(said, lines, strict=True))
