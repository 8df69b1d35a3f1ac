"""Training with QKeras and magnitude pruning. Only the worker process calls this.

The weights that are kept are the best on the validation part among the epochs that end with the
final sparsity (every epoch where nothing is pruned). Validation sees what will be kept: pruned
weights are put back to zero before it, and the layers quantise as they will on the chip.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, SpecError, Where
from fpgac.network.keras.folding import float_weights
from fpgac.network.keras.model import build, exact_outputs, samples
from fpgac.network.keras.modules import Keras
from fpgac.network.network import Network, Output
from fpgac.network.topology import untrained
from fpgac.spec.models import PruningSection, Spec, TrainingSection

__all__ = ["Trained", "fit", "loss_of", "pruning_steps"]

Emit = Callable[[Mapping[str, Any]], None]
Array = npt.NDArray[Any]
_OPTIMISERS = {"adam": "Adam", "nadam": "Nadam", "rmsprop": "RMSprop", "sgd": "SGD"}
_SECONDS_BETWEEN_EVENTS = 0.2

# What turns the sums of classes into an answer.
_CHOICES = ("softmax", "argmax")
_WATCH_BATCH = 4096


@dataclass(frozen=True, eq=False)
class Trained:
    """The network, and where its best epoch (from 1) stood."""

    network: Network
    epoch: int
    loss: float
    val_loss: float
    samples: int


@dataclass(frozen=True, eq=False)
class _Best:
    weights: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    epoch: int = 0
    loss: float = math.inf
    val_loss: float = math.inf


@dataclass(frozen=True)
class PruningSteps:
    """Training steps (from 0) at which pruning happens: ``begin``, then each ``frequency``."""

    begin: int
    end: int
    frequency: int


def pruning_steps(pruning: PruningSection, total: int) -> PruningSteps:
    """Where in ``total`` steps pruning begins and ends.

    The schedule reaches its final sparsity only if it prunes at its very end: the span is a
    multiple of the frequency, and the end is a step that is taken.

    Raises:
        SpecError: there are too few steps for it.
    """
    begin = math.floor(pruning.begin * total)
    span = min(math.floor(pruning.end * total), total - 1) - begin
    if span < 1:
        raise SpecError(
            Problem(
                "the training is too short to prune in",
                Where(key="training.pruning"),
                expected="at least one step between 'begin' and 'end'",
                got=f"{total} steps in all",
                hint="train for more epochs, or with a smaller batch_size",
                code="spec.too-short-to-prune",
            )
        )
    frequency = min(pruning.frequency, span)
    return PruningSteps(begin, begin + span // frequency * frequency, frequency)


def loss_of(k: Keras, training: TrainingSection, y: Array) -> Any:
    """The Keras loss; classes may be given by number, shape (samples,), or one-hot."""
    losses = k.keras.losses
    match training.loss:
        case "mean_squared_error":
            return losses.MeanSquaredError()
        case "mean_absolute_error":
            return losses.MeanAbsoluteError()
        case "huber":
            return losses.Huber()
        case "crossentropy" if y.ndim == 1:
            return losses.SparseCategoricalCrossentropy(from_logits=True)
        case "crossentropy":
            return losses.CategoricalCrossentropy(from_logits=True)


def fit(k: Keras, spec: Spec, x: Array, y: Array, emit: Emit) -> Trained:
    """Train on rows ``x`` of shape (samples, inputs), already on the inputs' grids, and ``y``.

    Raises:
        NetworkError: the loss is no number any more.
        SpecError: too few steps for the pruning.
    """
    training = spec.training
    k.keras.utils.set_random_seed(training.seed)
    k.tf.config.experimental.enable_op_determinism()
    watched, taught = _split(len(x), training)
    total = math.ceil(len(taught) / training.batch_size) * training.epochs
    prune = pruning_steps(training.pruning, total) if training.pruning else None
    whole = untrained(spec)
    blank = _taught(whole, training)
    wrap = _wrapper(k, training.pruning, prune)
    model = build(k, blank, wrap, spec.layered.normalised)
    model.compile(_optimiser(k, training, total), loss=loss_of(k, training, y))
    held = (x[watched], y[watched])
    validation = (samples(blank, held[0]), held[1])
    watch = _Watch(model, training, validation, total, prune, emit)
    _run(k, training, watch, samples(blank, x[taught]), y[taught])
    best = watch.best
    _check_sparsity(_quantised(blank, best.weights), training)
    _check_answers(k, _quantised(blank, best.weights), training, held, best.val_loss)
    network = _quantised(whole, best.weights)
    return Trained(network, best.epoch, best.loss, best.val_loss, len(taught))


def _split(count: int, training: TrainingSection) -> tuple[Array, Array]:
    order = np.random.default_rng(training.seed).permutation(count)
    size = min(max(1, round(training.validation_fraction * count)), count - 1)
    return order[:size], order[size:]


def _taught(network: Network, training: TrainingSection) -> Network:
    """What is trained: for classes, the sums that a softmax or an argmax at the end reads."""
    if training.loss != "crossentropy":
        return network
    made = {node.name: node for node in network.nodes}
    ends = [made[output.node] for output in network.outputs]
    kept = [
        Output(end.name, end.inputs[0] if end.operation.kind in _CHOICES else end.name)
        for end in ends
    ]
    dropped = {end.name for end in ends if end.operation.kind in _CHOICES}
    nodes = tuple(node for node in network.nodes if node.name not in dropped)
    return replace(network, nodes=nodes, outputs=tuple(kept))


def _wrapper(
    k: Keras, pruning: PruningSection | None, at: PruningSteps | None
) -> Callable[[Any], Any]:
    if pruning is None or at is None:
        return lambda layer: layer
    sparsity = pruning.sparsity

    def wrap(layer: Any) -> Any:
        schedule = k.sparsity.PolynomialDecay(
            0.0, sparsity, begin_step=at.begin, end_step=at.end, frequency=at.frequency
        )
        return k.sparsity.prune_low_magnitude(
            layer, pruning_schedule=schedule, name=f"prune_{layer.name}"
        )

    return wrap


def _optimiser(k: Keras, training: TrainingSection, total: int) -> Any:
    rate: Any = training.learning_rate
    if training.schedule == "cosine":
        rate = k.keras.optimizers.schedules.CosineDecay(rate, total)
    return getattr(k.keras.optimizers, _OPTIMISERS[training.optimiser])(rate)


@dataclass(eq=False)
class _Watch:
    """Reports, ends a training that diverges, and keeps the best weights."""

    model: Any
    training: TrainingSection
    validation: tuple[Array, Array]
    total: int
    prune: PruningSteps | None
    emit: Emit
    now: int = 0
    step: int = 0
    said: float = 0.0
    best: _Best = field(default_factory=_Best)

    def begin_epoch(self, epoch: int, _: object) -> None:
        self.now = epoch + 1

    def end_step(self, _: int, logs: Mapping[str, float]) -> None:
        self.step += 1
        self._check("loss", logs["loss"])
        if time.monotonic() - self.said > _SECONDS_BETWEEN_EVENTS:
            self._tell("step", loss=logs["loss"])

    def end_epoch(self, _: int, logs: Mapping[str, float]) -> None:
        val_loss = self.model.evaluate(*self.validation, batch_size=_WATCH_BATCH, verbose=0)
        self._check("validation loss", val_loss)
        weights = {layer.name: float_weights(layer) for layer in _learning_layers(self.model)}
        kernels = [learnt["weights"].ravel() for learnt in weights.values() if "weights" in learnt]
        sparsity = float(np.mean(np.concatenate(kernels) == 0)) if kernels else 0.0
        self._tell("epoch", loss=logs["loss"], val_loss=val_loss, sparsity=sparsity)
        final = self.prune is None or self.step > self.prune.end
        if final and val_loss < self.best.val_loss:
            self.best = _Best(weights, self.now, logs["loss"], val_loss)

    def _check(self, name: str, loss: float) -> None:
        if not math.isfinite(loss):
            rate = self.training.learning_rate
            raise NetworkError(
                Problem(
                    f"the training diverges: its {name} is no number any more",
                    Where(key="training"),
                    got=f"{loss} in epoch {self.now}, step {self.step}",
                    hint=f"a smaller training.learning_rate than {rate:g}, or smaller targets",
                    code="network.diverges",
                )
            )

    def _tell(self, stage: str, **numbers: float) -> None:
        self.said = time.monotonic()
        place = {"epoch": self.now, "epochs": self.training.epochs}
        self.emit({"stage": stage, **place, "step": self.step, "steps": self.total, **numbers})


def _run(k: Keras, training: TrainingSection, watch: _Watch, x: Array, y: Array) -> None:
    # Pruning first: at an epoch's end it puts pruned weights back to zero, before the watch looks.
    updates = [k.sparsity.UpdatePruningStep()] if watch.prune else []
    callback = k.keras.callbacks.LambdaCallback(
        on_epoch_begin=watch.begin_epoch,
        on_batch_end=watch.end_step,
        on_epoch_end=watch.end_epoch,
    )
    watch.model.fit(
        x,
        y,
        batch_size=training.batch_size,
        epochs=training.epochs,
        verbose=0,
        callbacks=[*updates, callback],
    )


def _learning_layers(model: Any) -> list[Any]:
    layers = [getattr(layer, "layer", layer) for layer in model.layers]
    return [layer for layer in layers if hasattr(layer, "kernel") or hasattr(layer, "slopes")]


def _quantised(blank: Network, learnt: Mapping[str, Mapping[str, Array]]) -> Network:
    """The network with the integers that QKeras's quantisers make of what was learnt."""
    operations = {node.name: node.operation for node in blank.nodes if node.operation.parameters}
    return blank.with_operations(
        {
            name: operation.learnt(
                {
                    key: parameter.type.raw(learnt[name][key]).astype(np.int64)
                    for key, parameter in operation.parameters.items()
                }
            )
            for name, operation in operations.items()
        }
    )


def _check_sparsity(network: Network, training: TrainingSection) -> None:
    wanted = training.pruning.sparsity if training.pruning else 0.0
    for node in network.weighted:
        weights = node.operation.parameters["weights"].words
        kept = max(1, math.ceil(weights.size * (1 - wanted)))
        if np.count_nonzero(weights) > kept:
            raise NetworkError(
                Problem(
                    f"layer {node.name!r} has not been pruned as asked",
                    Where(key="training.pruning"),
                    expected=f"at most {kept} of {weights.size} weights",
                    got=f"{np.count_nonzero(weights)}",
                    hint="many of its weights are equally large: begin the pruning earlier",
                    code="network.not-pruned",
                )
            )


def _check_answers(
    k: Keras,
    network: Network,
    training: TrainingSection,
    held: tuple[Array, Array],
    val_loss: float,
) -> None:
    """The integers must be what was trained: their validation loss is the trained model's."""
    x, y = held
    answers = exact_outputs(k, network, network.input_layout.raw(x))
    loss = float(loss_of(k, training, y)(y, answers))
    if not math.isclose(loss, val_loss, rel_tol=1e-2, abs_tol=1e-6):
        raise NetworkError(
            Problem(
                "the integer weights do not answer as the trained model did",
                expected=f"a validation loss of {val_loss:g}",
                got=f"{loss:g}",
                hint="nothing was kept; please report the spec: it is a defect of fpgac",
                code="network.not-as-trained",
            )
        )
