"""Notebooks from text with cells."""

from __future__ import annotations

import importlib
import importlib.util
import json

from fpgac.design.notebook import notebook

SCRIPT = """\
# what stands before the first cell is left out
# %% [markdown]
# # A title
#
# Text, and *more* π.

# %%
import math


def area(r):
    # %% is no cell unless it is the whole line
    return math.pi * r**2

# %%
print(area(1))
"""


def test_cells_are_what_stands_between_the_marks() -> None:
    made = json.loads(notebook(SCRIPT))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]]
    assert cells[0] == ("markdown", "# A title\n\nText, and *more* π.")
    assert cells[1][1].startswith("import math\n\n\ndef area(r):\n    # %% is no cell")
    assert cells[2] == ("code", "print(area(1))")


def test_it_is_a_notebook_that_was_never_run() -> None:
    made = json.loads(notebook(SCRIPT))
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 4)
    assert set(made) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert made["metadata"]["kernelspec"]["name"] == "python3"
    for cell in made["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert all(line.endswith("\n") for line in cell["source"][:-1])
    if importlib.util.find_spec("nbformat"):
        importlib.import_module("nbformat").validate(made)


def test_the_same_text_gives_the_same_bytes() -> None:
    assert notebook(SCRIPT) == notebook(SCRIPT)
