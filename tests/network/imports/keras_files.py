"""Files as Keras 2, QKeras, Keras 3 and HGQ2 write them, and the answers of their networks.

``python keras_files.py KIND FOLDER`` makes the files: ``old`` those of Keras 2 and QKeras, ``new``
those of Keras 3 and HGQ2, ``onnx`` none. Then it does for each folder that it reads a line of what
fpgac's own worker does there, by the name of the task, with the frameworks loaded once for all.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def shaken(model: Any) -> Any:
    """The model with weights that are all different: what is mixed up shows."""
    random = np.random.default_rng(5)
    arrays = [np.asarray(array) for array in model.get_weights()]
    names = [variable.name for variable in model.weights]
    noise = [random.normal(size=array.shape) * 0.4 for array in arrays]
    positive = [
        np.abs(each) + 0.5 if "variance" in name else each
        for name, each in zip(names, noise, strict=True)
    ]
    model.set_weights(positive)
    return model


def old(folder: Path) -> None:
    from fpgac.network.keras.modules import load

    k = load()
    keras, q = k.keras, k.qkeras
    layers = keras.layers
    bits = q.quantized_bits(6, 1, alpha=1)
    quantised = {"kernel_quantizer": bits, "bias_quantizer": bits}

    x = entry = layers.Input((4,), name="flower")
    x = q.QDense(8, name="fc1", **quantised)(x)
    x = q.QActivation(q.quantized_relu(6, 2), name="relu1")(x)
    x = q.QDense(3, name="fc2", **quantised)(x)
    dense = shaken(keras.Model(entry, x))
    dense.compile("adam", "mse")
    dense.save(folder / "qkeras_dense.h5")

    x = entry = layers.Input((7, 8, 2), name="picture")
    x = q.QConv2D(4, (3, 2), strides=(2, 1), padding="same", name="conv", **quantised)(x)
    x = q.QActivation("quantized_relu(7, 3)", name="act")(x)
    x = q.QDepthwiseConv2D((2, 2), depthwise_quantizer=bits, bias_quantizer=bits, name="each")(x)
    x = q.QActivation("quantized_tanh(6)", name="tanh")(x)
    x = layers.AveragePooling2D((1, 2), name="pool")(x)
    x = layers.Flatten(name="flat")(x)
    x = q.QDense(5, kernel_quantizer="quantized_bits(5, 0)", use_bias=False, name="last")(x)
    shaken(keras.Model(entry, x)).save(folder / "qkeras_conv.h5")

    x = entry = layers.Input((6, 6, 1), name="picture")
    x = q.QConv2D(3, 3, name="conv", **quantised)(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = q.QActivation("quantized_relu(6,2)", name="act")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flat")(x)
    x = q.QDense(4, name="sums", **quantised)(x)
    x = layers.Activation("softmax", name="odds")(x)
    mixed = shaken(keras.Model(entry, x))
    mixed.save(folder / "mixed.h5")
    mixed.save(folder / "mixed.keras")
    mixed.save(folder / "mixed_saved", save_format="tf")
    (folder / "mixed_layers.json").write_text(mixed.to_json())
    mixed.save_weights(folder / "mixed_layers_weights.h5")

    chain = keras.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(5,)),
            layers.Dropout(0.5),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    shaken(chain).save(folder / "keras2_chain.h5")

    values = np.random.default_rng(2).normal(size=(5, 3, 4)).astype("float32")
    answers = {}
    for text in QUANTISERS:
        quantiser = q.quantizers.get_quantizer(text)
        if hasattr(quantiser, "_set_trainable_parameter"):
            quantiser._set_trainable_parameter()
        answers[text] = np.asarray(quantiser(k.tf.constant(values))).tolist()
    (folder / "quantisers.json").write_text(json.dumps([values.tolist(), answers]))


def code(folder: Path) -> None:
    """Files that hold program code, or run some when they are opened."""
    import keras

    layers = keras.layers
    unsafe = keras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: 2 * x), layers.Dense(2)])
    unsafe.save(folder / "lambda.keras")
    unsafe.save(folder / "lambda.h5")
    square = keras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: x * x, name="square")])
    square.save(folder / "square.keras")
    (folder / "fpgac_own_layer.py").write_text(OWN_LAYER)
    sys.path.append(str(folder))
    own = import_module("fpgac_own_layer").Centred(name="centred")
    keras.Sequential([layers.Input((4,)), own, layers.Dense(2)]).save(folder / "own_class.keras")

    pickled = shaken(keras.Sequential([layers.Input((4,)), layers.Dense(2, name="sums")]))
    (folder / "pickled.pkl").write_bytes(pickle.dumps(pickled))


# A layer of somebody's own, which registers itself as its module is imported.
OWN_LAYER = """
import keras

@keras.saving.register_keras_serializable(package="somebody")
class Centred(keras.layers.Layer):
    def call(self, x):
        return (x - 3.0) * 0.25
"""

# Quantisers of weights, whose numbers fpgac computes without QKeras.
QUANTISERS = (
    "quantized_bits(6, 0, alpha=1)",
    "quantized_bits(4, 1, 1, alpha=1.0)",
    "quantized_bits(5, 2, keep_negative=False, alpha=1)",
    "quantized_bits(6, 0, alpha=0.5)",
    "quantized_bits(4, 0)",
    "quantized_bits(4, 0, alpha='auto_po2')",
    "quantized_bits(6, 1, alpha='auto')",
    "quantized_po2(4)",
    "quantized_po2(4, 2)",
    "binary(alpha=1)",
    "binary()",
    "binary(alpha='auto')",
    "ternary(alpha=1)",
    "ternary(alpha=2, threshold=0.5)",
    "ternary()",
    "ternary(alpha='auto')",
)


def new(folder: Path) -> None:
    import hgq.layers as h
    import keras
    from hgq.config import LayerConfigScope, QuantizerConfigScope
    from hgq.utils import trace_minmax

    layers = keras.layers
    keras.utils.set_random_seed(1)

    picture, extra = layers.Input((8, 7, 2), name="picture"), layers.Input((3,), name="extra")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv")(picture)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.MaxPooling2D(3, strides=1, padding="same", name="pool")(x)
    x = layers.SeparableConv2D(3, 2, name="separable")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    y = layers.Dense(6, activation="tanh", name="side")(extra)
    x = layers.Concatenate(name="both")([x, y])
    x = layers.Dense(6, name="left")(x)
    x = layers.Subtract(name="less")([x, y])
    x = layers.LeakyReLU(negative_slope=0.25, name="leaky")(x)
    odds = layers.Dense(3, activation="softmax", name="odds")(x)
    size = layers.Dense(1, name="size")(x)
    shaken(keras.Model([picture, extra], [odds, size])).save(folder / "keras3_branches.keras")

    line = keras.Sequential(
        [
            layers.Input((12, 2)),
            layers.Rescaling(0.5, offset=-0.25),
            layers.Conv1D(4, 3, padding="causal", activation="elu"),
            layers.ZeroPadding1D((1, 2)),
            layers.Dense(3, activation="softplus"),
            layers.UpSampling1D(2),
            layers.Cropping1D((0, 3)),
            layers.Permute((2, 1)),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    shaken(line).save(folder / "keras3_line.h5")

    code(folder)

    x = entry = layers.Input((6, 4), name="steps")
    x = layers.LSTM(5, name="memory")(x)
    x = layers.LayerNormalization(name="norm")(x)
    keras.Model(entry, layers.Dense(2, name="last")(x)).save(folder / "unknown.keras")

    usual = QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM")
    lanes = QuantizerConfigScope(
        place="datalane", default_q_type="kif", overflow_mode="WRAP", f0=4, i0=4
    )
    with usual, lanes, LayerConfigScope(enable_ebops=True, beta0=1e-5):
        x = entry = layers.Input((6,), name="six")
        x = h.QDense(8, activation="relu", name="first")(x)
        dense = keras.Model(entry, h.QDense(3, name="second")(x))

        x = entry = layers.Input((6, 5, 1), name="picture")
        x = h.QConv2D(3, 3, activation="relu", name="conv")(x)
        x = h.QMaxPooling2D((2, 1), name="pool")(x)
        x = layers.Flatten(name="flat")(x)
        u, v = h.QDense(4, name="u")(x), h.QBatchNormDense(4, name="v")(x)
        x = h.QAdd(name="sum")([u, v])
        x = h.QBatchNormalization(name="norm")(x)
        conv = keras.Model(entry, h.QDense(3, name="last")(x))
    for name, model in (("hgq_dense", dense), ("hgq_conv", conv)):
        hgq_shaken(model)
        shape = model.inputs[0].shape[1:]
        samples = np.random.default_rng(4).normal(size=(500, *shape)).astype("float32")
        trace_minmax(model, samples)
        model.save(folder / f"{name}.keras")


def hgq_shaken(model: Any) -> None:
    """Weights and bits that are all different; the formats of the data are traced afterwards."""
    random = np.random.default_rng(6)
    for variable in model.weights:
        value, name = np.asarray(variable), variable.path.rsplit("/", 1)[-1]
        if name in ("f", "b") and value.ndim:
            variable.assign(value + random.integers(-2, 2, value.shape))
        elif name in ("kernel", "bias", "bn_gamma", "bn_beta", "moving_mean"):
            variable.assign(random.normal(size=value.shape))
        elif name == "moving_variance":
            variable.assign(np.abs(random.normal(size=value.shape)) + 0.5)


def main(kind: str, folder: str) -> None:
    kinds: dict[str, Callable[[Path], None]] = {"old": old, "new": new, "onnx": lambda _: None}
    kinds[kind](Path(folder))
    tell_done()
    from fpgac.network.imports import worker

    for line in sys.stdin:
        task, _, work = line.rstrip("\n").partition(" ")
        getattr(worker, task)(Path(work))
        tell_done()


def tell_done() -> None:
    sys.stdout.write(f"{DONE}\n")
    sys.stdout.flush()


# Frameworks print what they like beside it.
DONE = "--- done ---"

if __name__ == "__main__":
    main(*sys.argv[1:])
