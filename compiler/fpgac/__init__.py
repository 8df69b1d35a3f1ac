"""fpgac: a declarative compiler from neural networks to FPGA cards.

``fpgac.emulate(spec, samples)`` gives a network's answers to the last bit; see :mod:`fpgac.api`.
"""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The ground floor knows nothing of the house until somebody asks for its front door.
    from importlib import import_module

    api = import_module("fpgac.api")
    if name in api.__all__:
        return getattr(api, name)
    raise AttributeError(f"module 'fpgac' has no attribute {name!r}")
