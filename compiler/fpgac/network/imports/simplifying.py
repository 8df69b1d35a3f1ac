"""A draft with fewer steps that does the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fpgac.network.imports.draft import Draft, DraftNode, Numbers, Sums
from fpgac.network.ops.arrangement import Flatten, Permute
from fpgac.program.arrangements import places

__all__ = ["simplified"]


def simplified(draft: Draft) -> Draft:
    """Without transpositions before a flattening that a dense layer reads: its weights are put in
    the other order instead, which costs nothing.
    """
    nodes = dict(draft.by_name)
    for dense in draft.nodes:
        found = _transposed(draft, dense)
        if found is not None:
            flatten, permute = found
            (source,) = permute.inputs
            nodes[flatten.name] = replace(flatten, inputs=(source,), origin=None)
            nodes[dense.name] = replace(dense, what=_reordered(draft, dense, permute))
            del nodes[permute.name]
    return replace(draft, nodes=tuple(nodes.values()))


def _transposed(draft: Draft, dense: DraftNode) -> tuple[DraftNode, DraftNode] | None:
    """The flattening and the transposition before a dense layer, which nothing else reads."""
    if not isinstance(dense.what, Sums) or dense.what.kind != "dense":
        return None
    flatten = _only_source(draft, dense)
    if flatten is None or not isinstance(flatten.what, Flatten):
        return None
    permute = _only_source(draft, flatten)
    if permute is None or not isinstance(permute.what, Permute):
        return None
    return flatten, permute


def _only_source(draft: Draft, node: DraftNode) -> DraftNode | None:
    """What a node reads, if nothing else reads it."""
    (name,) = node.inputs
    alone = len(draft.readers(name)) == 1 and not draft.is_output(name)
    return draft.by_name.get(name) if alone else None


def _reordered(draft: Draft, dense: DraftNode, permute: DraftNode) -> Sums:
    sums, order = dense.what, permute.what
    shape = draft.shapes[permute.inputs[0]]
    assert isinstance(sums, Sums)
    assert isinstance(order, Permute)
    assert shape is not None
    index = places(shape).transpose([axis - 1 for axis in order.order]).reshape(-1)
    rows = np.empty_like(sums.weights.values)
    rows[index] = sums.weights.values
    return replace(sums, weights=Numbers(rows, sums.weights.type))
