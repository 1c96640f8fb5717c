"""Faults for the tests of reliability: a server that breaks each rule of HTTP and TCP on demand.

``FaultServer`` and the constructors in ``catalogue`` are the everyday part; ``FAULTS`` has the 35 faults of the matrix by
name, those included for which there is no server (a name that is not found, a port that refuses).
"""

from __future__ import annotations

from . import addresses, catalogue, messages, steps
from .catalogue import FAULTS, Entry, Target
from .server import Exchange, FaultServer
from .steps import Fault

__all__ = [
    "FAULTS",
    "Entry",
    "Exchange",
    "Fault",
    "FaultServer",
    "Target",
    "addresses",
    "catalogue",
    "messages",
    "steps",
]
