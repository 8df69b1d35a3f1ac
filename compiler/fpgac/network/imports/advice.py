"""What can stand in for layers and operators that fpgac does not import."""

from __future__ import annotations

from collections.abc import Mapping

from fpgac.errors import nearest

__all__ = ["advice"]

_RECURRENT = "unroll it in time, or take Conv1D over the sequence"
_ATTENTION = "take Conv1D, or Dense over the features of each step, and merge with Add or Multiply"
_TRANSPOSED = "take UpSampling and a convolution"
_SMOOTH = "take ReLU, or ELU: either trains much the same"

_INSTEAD: Mapping[str, str] = {
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
    "simplernn": _RECURRENT,
    "rnn": _RECURRENT,
    "bidirectional": _RECURRENT,
    "convlstm2d": _RECURRENT,
    "multiheadattention": _ATTENTION,
    "attention": _ATTENTION,
    "additiveattention": _ATTENTION,
    "layernormalization": "take BatchNormalization: it folds into the layer before it",
    "layernorm": "take BatchNormalization: it folds into the layer before it",
    "groupnormalization": "take BatchNormalization: it folds into the layer before it",
    "instancenormalization": "take BatchNormalization: it folds into the layer before it",
    "unitnormalization": "scale the data once, before the network",
    "embedding": "hand the embedded vectors to the network, or one-hot inputs to a Dense layer",
    "convtranspose": _TRANSPOSED,
    "conv1dtranspose": _TRANSPOSED,
    "conv2dtranspose": _TRANSPOSED,
    "conv3d": "take Conv2D with the third axis as channels",
    "locallyconnected1d": "take Conv1D, or Dense",
    "locallyconnected2d": "take Conv2D, or Dense",
    "gelu": _SMOOTH,
    "swish": _SMOOTH,
    "silu": _SMOOTH,
    "mish": _SMOOTH,
    "selu": _SMOOTH,
    "hardswish": _SMOOTH,
    "erf": _SMOOTH,
    "exp": "end the network before it: the host can take the exponential",
    "exponential": "end the network before it: the host can take the exponential",
    "log": "end the network before it: the host can take the logarithm",
    "log_softmax": "end the network before it: the greatest sum is the same class",
    "logsoftmax": "end the network before it: the greatest sum is the same class",
    "argmax": "end the network before it: the host takes the greatest",
    "topk": "end the network before it: the host takes the greatest",
    "hard_sigmoid": "take sigmoid",
    "hardsigmoid": "take sigmoid",
    "dot": "take Multiply and a Dense layer",
    "einsumdense": "take Dense, or Conv1D with a kernel of 1",
    "binarydense": "take QKeras's QDense with kernel_quantizer=binary(alpha=1)",
    "ternarydense": "take QKeras's QDense with kernel_quantizer=ternary(alpha=1)",
    "binary_tanh": "take QKeras's quantized_bits(2, 0, alpha=1)",
    "ternary_tanh": "take QKeras's quantized_bits(2, 1, alpha=1)",
    "bipolarquant": "take Quant with two bits",
    "qdot": "take QMultiply and a QDense layer",
    "qeinsumdense": "take QDense, or QConv1D with a kernel of 1",
    "qsoftmax": "end the network before it: the greatest sum is the same class",
    "masking": "pad the data, and let the network learn what is padding",
}


def advice(kind: str, known: Mapping[str, object]) -> str:
    """What to take instead of a layer of ``kind``; ``known`` are the kinds that are imported."""
    found = _INSTEAD.get(kind.lower())
    if found:
        return found
    hint = nearest(kind, known)
    return hint if hint.startswith("did") else "docs/networks.md lists what fpgac imports"
