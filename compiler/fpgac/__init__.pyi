from fpgac.api import check as check
from fpgac.api import compile as compile  # noqa: A004 - the command's name
from fpgac.api import emulate as emulate
from fpgac.api import emulator as emulator
from fpgac.api import inspect as inspect
from fpgac.api import load as load
from fpgac.api import trace as trace
from fpgac.api import train as train

__version__: str
