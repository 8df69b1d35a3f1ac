"""fpgac: a declarative compiler from neural networks to FPGA cards.

``fpgac.compile``, ``fpgac.train``, ``fpgac.inspect``, ``fpgac.emulate`` and ``fpgac.trace`` do what
the commands do, and ``fpgac.load`` gives a build as a function; see :mod:`fpgac.api`.
"""

from typing import Any

__version__ = "0.1.0"


def _front_door() -> Any:
    # The ground floor knows nothing of the house until somebody asks for its front door.
    from importlib import import_module

    return import_module("fpgac.api")


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and name in (api := _front_door()).__all__:
        return getattr(api, name)
    raise AttributeError(f"module 'fpgac' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_front_door().__all__])
