"""A plugin's template that replaces nothing, or overrides a block that is not there, is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.design.render import overridden
from fpgac.design.templates import is_own, override_loader
from fpgac.errors import PluginError
from fpgac.plugins import load_plugins
from fpgac.testing import tiny_core
from tests.problems import coded

README = "aws_f1/README.md.j2"

PLUGIN = """
from pathlib import Path
from fpgac.plugins import Templates, hookimpl

class Own(Templates):
    folder = Path(__file__).with_name("templates")
    targets = ("aws-f1",)

@hookimpl
def fpgac_templates(): return [Own]
"""


def readme(tmp_path: Path, text: str) -> str:
    """F1's README with this text as the plugin's template."""
    (tmp_path / "README.md.j2").write_text(text)
    target = load_plugins().target("aws-f1")
    with overridden([override_loader({README: tmp_path / "README.md.j2"})]):
        design = target.design("tiny", tiny_core(100.0), target.options({}))
    return design.files["README.md"].content.decode()


def test_blocks_of_blocks_may_be_new(tmp_path: Path) -> None:
    inner = "{% block card %}{% block mine %}ask Ada{% endblock %}{% endblock %}"
    assert "ask Ada" in readme(tmp_path, f'{{% extends "target/{README}" %}}\n{inner}\n')


def test_a_block_that_nothing_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    text = f'{{% extends "target/{README}" %}}\n{{% block crad %}}lost{{% endblock %}}\n'
    with pytest.raises(PluginError, check=coded("plugin.unrendered-template")) as caught:
        readme(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == (tmp_path / "README.md.j2", 2)
    assert problem.hint == "did you mean 'card'?"


@pytest.mark.parametrize(
    ("path", "hint"),
    [("aws_f1/README.j2", "did you mean 'aws_f1/README.md.j2'?"), (README, None)],
)
def test_a_template_that_replaces_nothing_is_refused(
    path: str, hint: str | None, tmp_path: Path
) -> None:
    (tmp_path / "templates" / path).parent.mkdir(parents=True)
    (tmp_path / "templates" / path).write_text("fine\n")
    (tmp_path / "own.py").write_text(PLUGIN)
    plugins, asked = load_plugins(files=[tmp_path / "own.py"]), set[str]()
    target = plugins.target("aws-f1")
    with overridden(plugins.loaders("aws-f1", asked)):
        target.design("tiny", tiny_core(100.0), target.options({}))
    if hint is None:
        plugins.require_used("aws-f1", asked)
        return
    with pytest.raises(PluginError, check=coded("plugin.unused-template")) as caught:
        plugins.require_used("aws-f1", asked)
    assert caught.value.problems[0].hint == hint


def test_templates_of_packages_are_every_target_s() -> None:
    assert is_own("build/README.md.j2")
    assert not is_own("build/README.j2")
