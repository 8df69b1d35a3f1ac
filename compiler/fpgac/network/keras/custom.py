"""Layers that Keras and QKeras have not, quantised as QKeras's own. Only the worker calls this."""

from __future__ import annotations

from typing import Any

from fpgac.network.keras.modules import Keras
from fpgac.program.windows import Sweep

__all__ = ["depthwise", "quantised", "sloped"]


def quantised(quantiser: Any, numbers: Any) -> Any:
    """``numbers`` on the quantiser's grid; as they are where there is none."""
    return numbers if quantiser is None else quantiser(numbers)


def depthwise(k: Keras) -> Any:
    """A class of depthwise convolution over one or two axes, with any strides."""

    class QDepthwise(k.keras.layers.Layer, k.prunable):  # type: ignore[misc,name-defined]
        """``kernel`` has shape (*kernel_size, channels), and ``bias`` shape (channels,)."""

        def __init__(
            self,
            kernel_quantizer: Any,
            bias_quantizer: Any,
            kernel_size: tuple[int, ...],
            sweep: Sweep,
            name: str,
        ) -> None:
            super().__init__(name=name)
            self.kernel_quantizer_internal = kernel_quantizer
            self.bias_quantizer_internal = bias_quantizer
            self.kernel_size = kernel_size
            self.sweep = sweep

        def build(self, input_shape: Any) -> None:
            shape = (*self.kernel_size, input_shape[-1])
            self.kernel = self.add_weight("kernel", shape, initializer="he_normal")
            self.bias = self.add_weight("bias", shape[-1:], initializer="zeros")

        def compute_output_shape(self, input_shape: Any) -> Any:
            places = self.sweep.places[-len(self.kernel_size) :]
            return (input_shape[0], *places, input_shape[-1])

        def call(self, inputs: Any) -> Any:
            sums = self.convolution_op(
                inputs, quantised(self.kernel_quantizer_internal, self.kernel)
            )
            return sums + quantised(self.bias_quantizer_internal, self.bias)

        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            """Sums over the places of the kernel, each channel by itself."""
            images = inputs if len(self.kernel_size) > 1 else inputs[:, None]
            images = k.tf.pad(images, _margins(self.sweep))
            rows = k.tf.reshape(kernel, (*self.sweep.size, kernel.shape[-1]))
            height, width = self.sweep.size
            sums = sum(
                _seen(images, self.sweep, row, column) * rows[row, column]
                for row in range(height)
                for column in range(width)
            )
            return sums if len(self.kernel_size) > 1 else sums[:, 0]

        def get_prunable_weights(self) -> list[Any]:
            return [self.kernel]

    return QDepthwise


def _margins(sweep: Sweep) -> list[tuple[int, int]]:
    """Zeros before and behind, so that every window lies inside."""
    sides = []
    axes = zip(sweep.image, sweep.size, sweep.stride, sweep.before, sweep.places, strict=True)
    for image, size, stride, before, places in axes:
        reach = (places - 1) * stride + size
        sides.append((before, max(reach - before - image, 0)))
    return [(0, 0), *sides, (0, 0)]


def _seen(images: Any, sweep: Sweep, row: int, column: int) -> Any:
    """What each window shows at one place of the kernel."""
    (down, across), (rows, columns) = sweep.stride, sweep.places
    return images[
        :,
        row : row + (rows - 1) * down + 1 : down,
        column : column + (columns - 1) * across + 1 : across,
    ]


def sloped(k: Keras) -> Any:
    """A class of ReLU that learns a slope for what is below zero, for each element."""

    class QPReLU(k.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """``slopes`` has the shape of a sample."""

        def __init__(self, slope_quantizer: Any, quantizer: Any, name: str) -> None:
            super().__init__(name=name)
            self.slope_quantizer_internal = slope_quantizer
            self.quantizer_internal = quantizer

        def build(self, input_shape: Any) -> None:
            quarter = k.keras.initializers.Constant(0.25)
            self.slopes = self.add_weight("slopes", input_shape[1:], initializer=quarter)

        def call(self, inputs: Any) -> Any:
            below = quantised(self.slope_quantizer_internal, self.slopes) * inputs
            return quantised(self.quantizer_internal, k.tf.where(inputs > 0, inputs, below))

    return QPReLU
