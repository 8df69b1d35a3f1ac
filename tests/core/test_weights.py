"""Constants are written as hls4ml itself writes them."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.network.network import Network
from fpgac.network.ops.convolution import Convolution
from fpgac.spec.models import Strategy


@pytest.mark.parametrize("strategy", ["latency", "resource"])
def test_the_bytes_are_hls4mls_own(
    strategy: Strategy, pictures: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hls4ml.model.types import WeightVariable

    class Otherwise(WeightVariable):  # type: ignore[misc]
        """No variable's own class: whatever is written, hls4ml writes it."""

        def __next__(self) -> str:
            return str(super().__next__())

    hls = HlsSettings(strategy=strategy)
    ours = lower(pictures, hls)
    monkeypatch.setattr("hls4ml.model.types.WeightVariable", Otherwise)
    assert lower(pictures, hls).files == ours.files


def test_every_number_is_where_it_was(pictures: Network) -> None:
    files = lower(pictures, HlsSettings()).files
    first = pictures.weighted[0].operation
    assert isinstance(first, Convolution)
    text = files["weights/w2.h"].decode()
    numbers = [float(number) for number in text.split("{")[1].split("}")[0].split(",")]
    assert np.array_equal(numbers, first.weight_type.number(first.weights).ravel())
