"""A board with several flows: one target, which hands its work to the one that a spec chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fpgac.plugins import Flows, Target, TargetError
from fpgac_targets.aws_f1 import AwsF1
from fpgac_targets.zcu102 import Zcu102, Zcu102Vitis, Zcu102Vivado


def test_the_options_say_who_does_the_work() -> None:
    board = Zcu102()
    assert isinstance(board.flow(board.options({})), Zcu102Vivado)
    assert isinstance(board.flow(board.options({"flow": "vitis"})), Zcu102Vitis)


def test_a_host_that_one_flow_lacks_is_found_in_another() -> None:
    with pytest.raises(TargetError) as refused:
        Zcu102().options({"flow": "vivado", "hosts": ["opencl"]})
    hint = 'flow = "vivado" has pynq; flow = "vitis" has opencl, xrt'
    assert [problem.hint for problem in refused.value.problems] == [hint]


def test_a_board_with_one_flow_does_its_work_itself() -> None:
    board = AwsF1()
    assert board.flow(board.options({})) is board
    assert board.flows == {}
    assert board.tables == (board.Options,)


@pytest.mark.parametrize("flows", [{"vitis": AwsF1()}, {"vitsi": Zcu102Vitis()}])
def test_a_flow_that_no_spec_could_choose_is_refused(flows: Mapping[str, Target[Any]]) -> None:
    odd = type("Odd", (Flows,), {"flows": flows, "board": Zcu102Vitis.board})
    with pytest.raises(TypeError, match="must be a target called 'zcu102' whose options have flow"):
        odd()
