"""What a fork waits for: that no other thread is in the middle of loading a part of this package, or its library.

The child would have half of it, and of the locks of Python's imports one whose thread does not exist there.
"""

from __future__ import annotations

import _thread
import os

# What `threading.RLock` is, without importing the module for it. One that may be taken again by its thread: loading one part
# loads others, and a signal's handler may fork while its thread loads.
lock = _thread.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
