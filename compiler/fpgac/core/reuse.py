"""Reuse factors: how many multiplications of a layer share one multiplier.

A convolution counts as the dense layer that works at one place of its kernel.
"""

from __future__ import annotations

from bisect import bisect

from fpgac.core.settings import HlsSettings
from fpgac.errors import CoreError, Problem, Where, nearest
from fpgac.network.network import Network
from fpgac.numbers import IntArray
from fpgac.spec.models import Strategy

__all__ = ["reuse_factors", "valid_reuse_factors"]


def reuse_factors(network: Network, hls: HlsSettings) -> dict[str, int]:
    """Every weighted layer's reuse factor by name: its own, the common one, or what is free.

    Raises:
        CoreError: a layer cannot have its reuse factor, or one is given for none of the layers.
            hls4ml would take the nearest one and only print so.
    """
    layers = {
        node.name: node.operation.products
        for node in network.weighted
        if node.operation.products is not None
    }
    problems = [
        Problem(
            f"a reuse factor or a strategy is given for {name!r}, which is no layer with weights",
            where=Where(key=f"layers.{name}"),
            hint=nearest(name, layers),
            code="core.unknown-layer",
        )
        for name in {**hls.reuse_factors, **hls.strategies}
        if name not in layers
    ]
    sizes = {node.name: node.output.size for node in network.weighted}
    factors = {}
    for name, products in layers.items():
        strategy = hls.strategy_of(name)
        factor = hls.reuse_factors.get(name, hls.reuse_factor)
        if factor is None:
            times = max(1, sizes[name] // products.shape[1])
            factor = _greatest(hls.free_cycles // times, products, strategy)
        if not _possible(factor, products, strategy):
            own = name in hls.reuse_factors
            key = f"layers.{name}.reuse_factor" if own else "hls.reuse_factor"
            problems.append(_problem(factor, name, products, strategy, Where(key=key)))
        factors[name] = factor
    if problems:
        raise CoreError(*problems)
    return factors


def _greatest(most: int, products: IntArray, strategy: Strategy) -> int:
    """The greatest reuse factor that a layer can have of those up to ``most``, or 1."""
    factors = (factor for factor in range(most, 1, -1) if _possible(factor, products, strategy))
    return next(factors, 1)


def valid_reuse_factors(inputs: int, outputs: int) -> list[int]:
    """The reuse factors that a layer can have with the strategy ``resource``, ascending.

    Multipliers are shared along whole columns of the weights: a divisor of the inputs, or all
    inputs times a divisor of the outputs. It is hls4ml's own rule, without its search.
    """
    return [*_divisors(inputs), *(inputs * share for share in _divisors(outputs) if share > 1)]


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _possible(factor: int, products: IntArray, strategy: Strategy) -> bool:
    if strategy == "resource":
        return factor in valid_reuse_factors(*products.shape)
    return 1 <= factor <= products.size


def _problem(
    factor: int, name: str, products: IntArray, strategy: Strategy, where: Where
) -> Problem:
    inputs, outputs = products.shape
    valid = [1, inputs * outputs]
    rule = f"1 to {inputs * outputs}, its number of multiplications"
    if strategy == "resource":
        valid = valid_reuse_factors(inputs, outputs)
        rule = (
            f"a divisor of its inputs, {inputs}, or {inputs} x a divisor of its outputs, {outputs}"
        )
    place = bisect(valid, factor)
    nearest_ones = " or ".join(map(str, valid[max(place - 1, 0) : place + 1]))
    return Problem(
        f"layer {name!r} cannot have this reuse factor with the strategy {strategy!r}",
        where=where,
        expected=rule,
        got=str(factor),
        hint=f"the nearest is {nearest_ones}; each layer may have a reuse_factor of its own",
        code="core.reuse-factor",
    )
