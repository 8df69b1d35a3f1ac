"""Recurrent layers are exact: every step of LSTMs and GRUs, in one direction and in both."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.rules.drawing import (
    Description,
    Drawn,
    accumulators,
    formats,
)

GATES = {"LSTM": 4, "GRU": 3}
STATELESS = {"return_state": False, "pass_initial_states": False, "time_major": False}


def weights(net: Drawn, kind: str, features: int, states: int, prefix: str = "") -> Description:
    """Weights, biases and activations of one direction."""
    gates = GATES[kind] * states
    return {
        f"{prefix}weight_data": net.rng.normal(0, 1, (features, gates)),
        f"{prefix}recurrent_weight_data": net.rng.normal(0, 1, (states, gates)),
        f"{prefix}bias_data": net.rng.normal(0, 1, gates),
        f"{prefix}recurrent_bias_data": net.rng.normal(0, 1, gates),
    }


def activations(draw: st.DrawFn, prefix: str = "") -> Description:
    functions = st.sampled_from(["relu", "sigmoid", "tanh"])
    return {
        f"{prefix}activation": draw(functions),
        f"{prefix}recurrent_activation": draw(functions),
    }


def types(draw: st.DrawFn, net: Drawn, prefixes: tuple[str, ...], *, one: bool) -> dict[str, str]:
    """The types of a layer; those of most LSTMs are all ``one``, their input's."""
    names = ("weight", "recurrent_weight", "bias", "recurrent_bias")
    found = {f"{prefix}{name}": draw(formats()) for prefix in prefixes for name in names}
    if one:
        given = net.settings[net.layers[-1]["name"]]["Precision"]["result"]
        return {**found, "accum": given, "result": given}
    return {**found, "accum": draw(accumulators()), "result": draw(formats())}


def one_way(draw: st.DrawFn, net: Drawn) -> None:
    kind, static = draw(st.sampled_from(["LSTM", "GRU"])), draw(st.booleans())
    steps, features = net.shape
    states, sequences = draw(st.integers(1, 4)), draw(st.booleans())
    # PyTorch's layers have an attribute that others lack; its gates are in another order.
    pytorch = {"pytorch": True} if draw(st.booleans()) else {}
    net.add(
        kind,
        (steps, states) if sequences else (states,),
        types=types(draw, net, ("",), one=kind == "LSTM"),
        reuse=draw(st.sampled_from([1, 2, 3])),
        n_timesteps=steps,
        n_in=features,
        n_out=states,
        return_sequences=sequences,
        static=static,
        **STATELESS,
        direction="forward",
        **weights(net, kind, features, states),
        **activations(draw),
        **pytorch,
    )


def both_ways(draw: st.DrawFn, net: Drawn) -> None:
    steps, features = net.shape
    sequences, static = draw(st.booleans()), draw(st.booleans())
    described: dict[str, Any] = {}
    kinds, states = [], []
    for way in ("forward", "backward"):
        kinds.append(draw(st.sampled_from(["LSTM", "GRU"])))
        states.append(draw(st.integers(1, 3)))
        described |= {f"{way}_class_name": kinds[-1], f"{way}_n_states": states[-1]}
        described |= weights(net, kinds[-1], features, states[-1], f"{way}_")
        described |= activations(draw, f"{way}_")
    net.add(
        "Bidirectional",
        (steps, sum(states)) if sequences else (sum(states),),
        types=types(draw, net, ("forward_", "backward_"), one="LSTM" in kinds and not static),
        n_timesteps=steps,
        n_in=features,
        n_out=sum(states),
        return_sequences=sequences,
        static=static,
        **STATELESS,
        direction="bidirectional",
        **described,
    )


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """One recurrent layer, or two."""
    net = Drawn(
        draw(st.sampled_from(["io_parallel", "io_stream"])),
        draw(st.sampled_from(["latency", "resource"])),
        np.random.default_rng(draw(st.integers(0, 99))),
    )
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    net.add("InputLayer", shape, types={"result": draw(formats())}, input_shape=list(shape))
    for _ in range(2):
        if len(net.shape) == 2:
            draw(st.sampled_from([one_way] if net.streams else [one_way, both_ways]))(draw, net)
    if draw(st.booleans()):
        net.settings["n1"]["table_size"] = draw(st.sampled_from([64, 100, 2048]))
        net.settings["n1"]["Precision"]["table"] = draw(formats(most=18))
    return net
