"""``fpgac train``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from fpgac.cli.console import deliver, errors, results
from fpgac.cli.plugins import PluginFiles, plugins_with
from fpgac.cli.specs import SpecPath

if TYPE_CHECKING:
    from fpgac.network.training import Progress
    from fpgac.pipeline.training import Trained

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(train)


def train(spec: SpecPath, plugin: PluginFiles = None) -> None:
    """Train the network of a spec, quantised and pruned, and write it beside the spec.

    Needs TensorFlow: pip install 'fpgac[train]'. The result, NAME.network.json, is plain data:
    whole numbers, formats and where they came from; nothing after this needs TensorFlow.
    """
    from fpgac.cli.progress import training_bar
    from fpgac.pipeline.checking import check_spec
    from fpgac.pipeline.training import train_network

    plugins = plugins_with(plugin)
    file = check_spec(spec, plugins)
    with training_bar(file.spec.training.epochs) as bar:
        trained = train_network(file, plugins, lambda news: _show(bar, news))
    errors().print(f"  wrote {file.network_path}", markup=False, soft_wrap=True)
    if trained.plot:
        errors().print(f"  drew {trained.plot}", markup=False, soft_wrap=True)
    plain = {"network": file.network_path, "figures": trained.figures, "plot": trained.plot}
    deliver(plain, lambda: _print_figures(trained))


def _print_figures(trained: Trained) -> None:
    for line in trained.figures:
        results().print(line, markup=False, soft_wrap=True)


def _show(bar: Callable[[float, str], None], news: Progress) -> None:
    if news.stage == "start":
        bar(0, "loading TensorFlow")
        return
    values = {"loss": news.loss, "validation": news.val_loss, "sparsity": news.sparsity}
    text = "  ".join(f"{name} {value:.4g}" for name, value in values.items() if value is not None)
    done = news.epochs * news.step / news.steps if news.steps else float(news.epoch)
    bar(done, text)
