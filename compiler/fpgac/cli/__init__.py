"""The command line: one module a group of commands, no logic."""

import gc

# Objects made before Python looks for garbage: the imports of a command make fewer, and leave none.
gc.set_threshold(500_000)
