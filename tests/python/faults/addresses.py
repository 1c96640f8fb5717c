"""Addresses at which no server is to be reached, each for another reason. All of them are on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import Dict, Iterator, List, Tuple

Address = Tuple[str, Dict[str, str]]

# RFC 6761, 6.4: no name under .invalid is ever found.
UNRESOLVABLE_HOST = "provider.invalid"
# Never found either, and with the environment of unresolving() the search for it does not end.
HANGING_HOST = "hanging.invalid"

_HANGING_RESOLVER = rf"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
typedef int (*resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {{
    if (node && strcmp(node, "{HANGING_HOST}") == 0)
        for (;;) pause();
    return ((resolver)dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints, found);
}}
"""


@contextmanager
def unresolvable() -> Iterator[Address]:
    """A host whose name is not found."""
    yield f"http://{UNRESOLVABLE_HOST}", {}


def can_hang_resolver() -> bool:
    """Whether :func:`unresolving` works here: it needs Linux's preloading and a C compiler."""
    return sys.platform.startswith("linux") and shutil.which("cc") is not None


@contextmanager
def unresolving() -> Iterator[Address]:
    """A host whose name is looked up without end, in a process that is started with the environment given.

    No program may choose its name servers without changing the machine's. So a library that is loaded before libc's
    stands in for ``getaddrinfo``, and leaves every other name to it.
    """
    with tempfile.TemporaryDirectory() as directory:
        library = os.path.join(directory, "resolver.so")
        command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"]
        subprocess.run(command, input=_HANGING_RESOLVER, text=True, check=True)
        yield f"http://{HANGING_HOST}", {"LD_PRELOAD": library}


@contextmanager
def refused() -> Iterator[Address]:
    """A port that refuses connections, kept from other programs by a socket that does not listen."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}", {}


@contextmanager
def blackhole() -> Iterator[Address]:
    """A port that answers no attempt to connect: the queue of its listener is full, so the kernel drops the SYNs.

    Raises RuntimeError on a system whose kernel does something else.
    """
    held: List[socket.socket] = []
    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            probe = socket.socket()
            held.append(probe)
            probe.settimeout(0.2)
            try:
                probe.connect(listener.getsockname())
            except (TimeoutError, socket.timeout):
                break
        else:
            raise RuntimeError("this system takes connections beyond the backlog, so nothing here can be a blackhole")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", {}
    finally:
        for each in (*held, listener):
            each.close()
