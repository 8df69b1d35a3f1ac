"""Training with QKeras and magnitude pruning. Only the worker process calls this.

A training reports each epoch, and keeps a checkpoint after it, if it is given a folder: the same
training goes on from there, and ends with the same weights as if it had not been interrupted.

The weights that are kept are the best on the validation part among the epochs that end with the
final sparsity (every epoch where nothing is pruned). Validation sees what will be kept: pruned
weights are put back to zero before it, and the layers quantise as they will on the chip.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, SpecError, Where
from fpgac.network.keras.checkpoint import Best, Checkpoint
from fpgac.network.keras.folding import float_weights
from fpgac.network.keras.model import build, exact_outputs, samples
from fpgac.network.keras.modules import Keras
from fpgac.network.network import Network, Output
from fpgac.network.topology import untrained
from fpgac.spec.models import PruningSection, Spec, TrainingSection

__all__ = ["FloatModel", "Trained", "fit", "fit_float", "loss_of", "pruning_steps"]

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
class FloatModel:
    """A Keras model of ``network``'s nodes with the best weights, of which none is quantised."""

    network: Network
    model: Any

    def outputs(self, x: Array) -> Array:
        """What it answers to rows of numbers, shape (samples, outputs)."""
        rows = samples(self.network, x)
        return np.asarray(self.model.predict(rows, batch_size=_WATCH_BATCH, verbose=0))


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
        case "binary_crossentropy":
            return losses.BinaryCrossentropy(from_logits=True)
        case "crossentropy" if y.ndim == 1:
            return losses.SparseCategoricalCrossentropy(from_logits=True)
        case "crossentropy":
            return losses.CategoricalCrossentropy(from_logits=True)


def fit(
    k: Keras, spec: Spec, x: Array, y: Array, emit: Emit, checkpoint: Path | None = None
) -> Trained:
    """Train on rows ``x`` of shape (samples, inputs), already on the inputs' grids, and ``y``.

    Raises:
        NetworkError: the loss is no number any more.
        SpecError: too few steps for the pruning.
    """
    training, whole = spec.training, untrained(spec)
    task = _Task.of(spec, x, y)
    prune = pruning_steps(training.pruning, task.total) if training.pruning else None
    wrap = _wrapper(k, training.pruning, prune)
    model, best = _learn(k, task, wrap, prune, emit, checkpoint)
    learnt = {layer.name: float_weights(layer) for layer in _learning_layers(model)}
    _check_sparsity(_quantised(task.network, learnt), training)
    held = (x[task.watched], y[task.watched])
    _check_answers(k, _quantised(task.network, learnt), training, held, best.val_loss)
    network = _quantised(whole, learnt)
    return Trained(network, best.epoch, best.loss, best.val_loss, len(task.taught))


def fit_float(
    k: Keras, spec: Spec, x: Array, y: Array, emit: Emit, checkpoint: Path | None = None
) -> FloatModel:
    """Train the same network from the same seed with nothing quantised and nothing pruned."""
    task = replace(_Task.of(spec, x, y), is_float=True)
    model, _ = _learn(k, task, lambda layer: layer, None, emit, checkpoint)
    return FloatModel(task.network, model)


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be learnt: the network, the data, and which rows validate and which teach."""

    spec: Spec
    network: Network
    x: Array
    y: Array
    watched: Array
    taught: Array
    is_float: bool = False

    @classmethod
    def of(cls, spec: Spec, x: Array, y: Array) -> _Task:
        watched, taught = _split(len(x), spec.training)
        return cls(spec, _taught(untrained(spec), spec.training), x, y, watched, taught)

    @property
    def total(self) -> int:
        """How many steps all epochs have."""
        training = self.spec.training
        return math.ceil(len(self.taught) / training.batch_size) * training.epochs

    def rows(self, which: Array) -> tuple[Any, Array]:
        """These rows as Keras takes them, and what they should give."""
        return samples(self.network, np.asarray(self.x[which])), self.y[which]


def _learn(
    k: Keras,
    task: _Task,
    wrap: Callable[[Any], Any],
    prune: PruningSteps | None,
    emit: Emit,
    checkpoint: Path | None,
) -> tuple[Any, Best]:
    """The model with the best weights, and where they stood."""
    spec, training = task.spec, task.spec.training
    k.keras.backend.set_floatx("float32")
    k.keras.utils.set_random_seed(training.seed)
    k.tf.config.experimental.enable_op_determinism()
    model = build(k, task.network, wrap, spec.layered.normalised, is_float=task.is_float)
    model.compile(_optimiser(k, training, task.total), loss=loss_of(k, training, task.y))
    watch = _Watch(
        *(model, training, task.rows(task.watched), task.total, prune, emit),
        checkpoint=checkpoint,
        begun=Checkpoint.read(checkpoint),
    )
    watch.resume()
    if watch.begun.epoch < training.epochs:
        _run(k, training, watch, *task.rows(task.taught))
    model.set_weights(watch.best.weights)
    return model, watch.best


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
    """Reports, ends a training that diverges, and keeps the best weights and the checkpoint.

    Where a training was interrupted, the epochs before are gone through without teaching: so the
    samples are shuffled as they would have been.
    """

    model: Any
    training: TrainingSection
    validation: tuple[Any, Array]
    total: int
    prune: PruningSteps | None
    emit: Emit
    checkpoint: Path | None
    begun: Checkpoint
    now: int = 0
    step: int = 0
    said: float = 0.0
    best: Best = field(default_factory=Best)
    curve: tuple[Mapping[str, Any], ...] = ()
    teach: Callable[..., Any] | None = None

    def resume(self) -> None:
        """Report again what an interrupted training has reported."""
        self.best, self.curve = self.begun.best, self.begun.curve
        if self.begun.epoch:
            self.emit({"stage": "resume", **self.curve[-1]})
        for reported in self.curve:
            self.emit({"stage": "epoch", **reported})

    @property
    def is_teaching(self) -> bool:
        return self.now > self.begun.epoch

    def begin(self, _: object) -> None:
        self.teach = self.model.train_function
        if self.begun.epoch:
            self.model.train_function = _pass_over

    def begin_epoch(self, epoch: int, _: object) -> None:
        self.now = epoch + 1
        if self.begun.epoch and epoch == self.begun.epoch:
            self._restore()

    def _restore(self) -> None:
        optimiser = self.model.optimizer
        self.model.set_weights(self.begun.model)
        optimiser.build(self.model.trainable_variables)
        for variable, value in zip(optimiser.variables, self.begun.optimiser, strict=True):
            variable.assign(value)
        self.model.train_function = self.teach

    def end_step(self, _: int, logs: Mapping[str, float]) -> None:
        self.step += 1
        if not self.is_teaching:
            return
        self._check("loss", logs["loss"])
        if time.monotonic() - self.said > _SECONDS_BETWEEN_EVENTS:
            self._tell("step", loss=logs["loss"])

    def end_epoch(self, _: int, logs: Mapping[str, float]) -> None:
        if not self.is_teaching:
            return
        val_loss = self.model.evaluate(*self.validation, batch_size=_WATCH_BATCH, verbose=0)
        self._check("validation loss", val_loss)
        final = self.prune is None or self.step > self.prune.end
        if final and val_loss < self.best.val_loss:
            self.best = Best(self.model.get_weights(), self.now, logs["loss"], val_loss)
        numbers = {"loss": logs["loss"], "val_loss": val_loss, "sparsity": _sparsity(self.model)}
        self.curve = (*self.curve, {**self._place, **numbers})
        self._keep()
        self._tell("epoch", **numbers)

    def _keep(self) -> None:
        if self.checkpoint:
            variables = [variable.numpy() for variable in self.model.optimizer.variables]
            state = (self.model.get_weights(), variables, self.best, self.curve)
            Checkpoint(self.now, self.step, *state).write(self.checkpoint)

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

    @property
    def _place(self) -> dict[str, Any]:
        place = {"epoch": self.now, "epochs": self.training.epochs}
        return {**place, "step": self.step, "steps": self.total}

    def _tell(self, stage: str, **numbers: float) -> None:
        self.said = time.monotonic()
        self.emit({"stage": stage, **self._place, **numbers})


def _pass_over(batches: Iterator[Any]) -> Mapping[str, float]:
    """In the place of a step: the next batch is drawn, and teaches nothing."""
    next(batches)
    return {"loss": 0.0}


def _sparsity(model: Any) -> float:
    """The part of the model's weights that is zero."""
    weights = (float_weights(layer) for layer in _learning_layers(model))
    kernels = [learnt["weights"].ravel() for learnt in weights if "weights" in learnt]
    return float(np.mean(np.concatenate(kernels) == 0)) if kernels else 0.0


def _run(k: Keras, training: TrainingSection, watch: _Watch, x: Array, y: Array) -> None:
    # Pruning first: at an epoch's end it puts pruned weights back to zero, before the watch looks.
    updates = [k.sparsity.UpdatePruningStep()] if watch.prune else []
    callback = k.keras.callbacks.LambdaCallback(
        on_train_begin=watch.begin,
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
