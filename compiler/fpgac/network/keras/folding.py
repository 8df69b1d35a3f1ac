"""Batch normalisation, folded into a layer's weights before they are quantised.

While it trains, a layer's sums are normalised by the mean and the variance of the batch, and
afterwards by moving averages of them. Both go into kernel and bias, which only then are quantised
(Jacob et al., CVPR 2018, section 3.2). So the layer that is kept has weights and nothing else: what
Keras answers with them is what the chip does, to the last bit.
"""

from __future__ import annotations

from typing import Any

from fpgac.network.keras.custom import quantised

__all__ = ["float_weights", "folding"]

# The moving averages must arrive within a short training, too.
_MOMENTUM = 0.9


def folding(k: Any, base: Any) -> Any:
    """A class of layer like ``base``, a QDense or a convolution, with its normalisation folded in.

    The layer's own bias stands for what a normalisation adds in the end.
    """

    class Folding(base):  # type: ignore[misc]
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.normalisation = k.keras.layers.BatchNormalization(momentum=_MOMENTUM, center=False)
            self.normalisation.build(self.compute_output_shape(input_shape))

        def call(self, inputs: Any, training: Any = None) -> Any:
            sums = self._sums(inputs, self.kernel)
            self.normalisation(sums, training=training)
            mean, variance = k.keras.backend.in_train_phase(
                lambda: k.tf.nn.moments(sums, list(range(len(sums.shape) - 1))),
                self._moving,
                training,
            )
            kernel, bias = self._folded(mean, variance)
            outputs = self._sums(inputs, quantised(self.kernel_quantizer_internal, kernel))
            return outputs + quantised(self.bias_quantizer_internal, bias)

        def folded(self) -> tuple[Any, Any]:
            """Kernel and bias as they are to be quantised."""
            return self._folded(*self._moving())

        def _moving(self) -> tuple[Any, Any]:
            return self.normalisation.moving_mean, self.normalisation.moving_variance

        def _folded(self, mean: Any, variance: Any) -> tuple[Any, Any]:
            spread = k.tf.sqrt(variance + self.normalisation.epsilon)
            scale = self.normalisation.gamma / spread
            return self.kernel * scale, self.bias - mean * scale

        def _sums(self, inputs: Any, kernel: Any) -> Any:
            if hasattr(self, "convolution_op"):
                return self.convolution_op(inputs, kernel)
            return k.tf.matmul(inputs, kernel)

    return Folding


def float_weights(layer: Any) -> dict[str, Any]:
    """What a trained layer has learnt, not quantised yet, as numpy arrays: by the operation's
    names for it.
    """
    if hasattr(layer, "slopes"):
        return {"slopes": layer.slopes.numpy()}
    kernel, bias = layer.folded() if hasattr(layer, "folded") else (layer.kernel, layer.bias)
    return {"weights": kernel.numpy(), "bias": bias.numpy()}
