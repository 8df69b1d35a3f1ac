"""Networks from other frameworks' files.

A file is read without the framework that wrote it, and nothing in it is executed: its layers are
plain data (a :class:`~fpgac.network.imports.draft.Draft`), with the formats that the file itself
gives to numbers. What is left as floats gets formats, and the draft becomes a
:class:`~fpgac.network.network.Network`. The framework itself, in a process of its own, is asked
only for its answers, against which the network is proven.
"""
