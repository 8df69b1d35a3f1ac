"""Whether a core computes what its network means: hls4ml's graph of it, read back, is compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.errors import CoreError
from fpgac.network.meaning import meaning
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint
from fpgac.program.comparison import Verdict
from fpgac.rules.claim import check_claim
from fpgac.spec.models import IoType
from tests.core.networks import network
from tests.problems import coded

TINY = network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3))


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
@pytest.mark.parametrize("name", ["pictures", "sequences"])
def test_a_core_is_what_its_network_means(
    request: pytest.FixtureRequest, name: str, io_type: IoType
) -> None:
    network: Network = request.getfixturevalue(name)
    core = lower(network, HlsSettings(io_type=io_type))
    assert check_claim(meaning(network), core).verdict is Verdict.SAME


def test_a_result_of_another_type_is_meant_as_well() -> None:
    types = {"dense_2": FixedPoint.parse("ap_fixed<10,4,RND_CONV,SAT>")}
    core = lower(TINY, HlsSettings(), types=types)
    assert check_claim(meaning(TINY, types), core).verdict is Verdict.SAME
    with pytest.raises(CoreError, check=coded("core.other-program", key="layers.dense_2")):
        check_claim(meaning(TINY), core)


def test_sums_that_hls4ml_would_cut_short_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from hls4ml.model.graph import HLSConfig
    from hls4ml.model.types import FixedPrecisionType

    get_precision = HLSConfig.get_precision

    def short(self: HLSConfig, layer: Any, var: str = "default") -> Any:
        found, name = get_precision(self, layer, var)
        return (FixedPrecisionType(14, 6) if var == "accum" else found), name

    monkeypatch.setattr(HLSConfig, "get_precision", short)
    core = lower(TINY, HlsSettings())
    with pytest.raises(CoreError, check=coded("core.other-program", key="layers.dense_1")):
        check_claim(meaning(TINY), core)


def test_a_weight_that_hls4ml_would_change_is_an_error() -> None:
    core = lower(TINY, HlsSettings())
    assert core.graph is not None
    entry, dense, *others = core.graph.nodes
    weights = dense.constants["weight"]
    assert weights.words is not None
    changed = replace(weights, words=weights.words ^ 1)
    dense = replace(dense, constants={**dense.constants, "weight": changed})
    other = replace(core, graph=replace(core.graph, nodes=(entry, dense, *others)))
    with pytest.raises(CoreError, check=coded("core.other-program", key="layers.dense_1")):
        check_claim(meaning(TINY), other)


def test_a_core_that_was_written_by_hand_is_left_to_vectors() -> None:
    core = replace(lower(TINY, HlsSettings()), graph=None)
    found = check_claim(meaning(TINY), core)
    assert found.verdict is Verdict.UNDECIDED
    assert found.undecided == tuple(node.name for node in TINY.nodes)
