"""All operations: a module in this package is found by itself."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from fpgac.network.operation import Operation

__all__ = ["OPERATIONS"]


def _operations(base: type[Operation]) -> Iterator[type[Operation]]:
    for operation in base.__subclasses__():
        if "kinds" in vars(operation):
            yield operation
        yield from _operations(operation)


for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

# The operations by what network files call them.
OPERATIONS: Mapping[str, type[Operation]] = {
    kind: operation
    for operation in _operations(Operation)  # type: ignore[type-abstract]
    for kind in operation.kinds
}
