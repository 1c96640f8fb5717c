"""Writes the cffi module of the package from ``include/edgequake.h``.

The module is of cffi's out-of-line ABI mode: pure Python, made once when the package is built, the same for every
Python version and implementation. Importing it needs neither a compiler nor a C parser. ``setup.py`` calls
:func:`write_module`; ``python build_ffi.py`` writes the module into the source tree.

cffi reads C declarations but no preprocessor directives, and a C preprocessor is not on every machine that builds the
package. Hence :func:`declarations`, which understands the directives a C header may hold and stops with a
:class:`HeaderError` at what it does not understand, rather than to guess what the library's layout is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, ClassVar

ROOT = Path(__file__).resolve().parent
HEADER = ROOT / "include" / "edgequake.h"
MODULE = "edgequake_litellm._native._cffi"
MODULE_PATH = Path(*MODULE.split(".")).with_suffix(".py")

# What a C99 compiler on a hosted platform says of itself. ``__cplusplus`` is absent, so C++ parts fall away.
PREDEFINED = {"__STDC__": "1", "__STDC_VERSION__": "199901L"}

_COMMENT_OR_LITERAL = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)
_DIRECTIVE = re.compile(r"\s*\#\s*(\w*)\s*(.*?)\s*$")
_DEFINE = re.compile(r"([A-Za-z_]\w*)(\(?)(.*)$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\Z")
_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)|([A-Za-z_]\w*)|(&&|\|\||[=!<>]=|<<|>>|[-+*()!<>|&~]))"
)


class HeaderError(ValueError):
    """The header holds something that :func:`declarations` cannot translate; the message names the line."""


def declarations(header: str) -> str:
    """Returns the C declarations of a header's text in the form that ``FFI.cdef`` reads.

    Comments, include guards and parts for other languages are gone; a macro with an integer value stays as
    ``#define NAME value``, which cffi turns into a constant; any other object-like macro is replaced by its text.
    """
    macros: dict[str, str] = dict(PREDEFINED)
    # One entry for each open #if: (this branch is active, some branch was active before, the outer part is active).
    conditions: list[tuple[bool, bool, bool]] = []
    output: list[str] = []

    for number, line in enumerate(_without_comments(header).split("\n"), start=1):
        active = all(entry[0] for entry in conditions)
        directive = _DIRECTIVE.match(line)
        if directive is None:
            if active:
                output.append(_expand(line, macros))
            continue
        keyword, rest = directive.groups()
        try:
            if keyword in ("if", "ifdef", "ifndef"):
                holds = active and _condition(keyword, rest, macros)
                conditions.append((holds, holds, active))
            elif keyword in ("elif", "else"):
                _, taken, outer = conditions.pop()
                holds = outer and not taken and (keyword == "else" or evaluate(rest, macros) != 0)
                conditions.append((holds, taken or holds, outer))
            elif keyword == "endif":
                conditions.pop()
            elif not active or keyword in ("", "include", "pragma", "line"):
                continue
            elif keyword == "define":
                constant = _define(rest, macros)
                if constant is not None:
                    output.append(constant)
            elif keyword == "undef":
                macros.pop(rest, None)
            elif keyword == "error":
                raise HeaderError(f"#error {rest}")
            else:
                raise HeaderError(f"unknown directive #{keyword}")
        except IndexError:
            raise HeaderError(f"line {number}: #{keyword} without an #if") from None
        except HeaderError as error:
            raise HeaderError(f"line {number}: {error}") from None
    if conditions:
        raise HeaderError("the header ends inside an #if")
    return re.sub(r"\n{2,}", "\n", "\n".join(line.rstrip() for line in output)).strip() + "\n"


def evaluate(expression: str, macros: dict[str, str]) -> int:
    """The value of a preprocessor expression: C's operators and precedence, unknown names are 0."""
    return _Expression(expression, macros).value()


def write_module(path: Path, header: Path = HEADER) -> None:
    """Writes the cffi module of ``header`` to ``path``, or leaves the file alone when it holds that already."""
    # Imported here so that the translation can be used, and tested, without cffi's C parser.
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(declarations(header.read_text(encoding="utf-8")))
    ffi.set_source(MODULE, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    ffi.emit_python_code(str(path))


def _without_comments(text: str) -> str:
    """The text with each comment turned into one space, and continued lines joined; lines keep their numbers."""

    def replace(match: re.Match[str]) -> str:
        found = match.group()
        return " " + "\n" * found.count("\n") if found.startswith("/") else found

    # A joined line is followed by as many empty ones as it swallowed.
    joined = re.sub(
        r"(?:[^\n]*\\\n)+[^\n]*",
        lambda match: match.group().replace("\\\n", " ") + "\n" * match.group().count("\\\n"),
        text.replace("\r\n", "\n"),
    )
    return _COMMENT_OR_LITERAL.sub(replace, joined)


def _condition(keyword: str, rest: str, macros: dict[str, str]) -> bool:
    if keyword == "if":
        return evaluate(rest, macros) != 0
    return (rest in macros) == (keyword == "ifdef")


def _define(rest: str, macros: dict[str, str]) -> str | None:
    """Records a macro and returns the constant that it is, if it is one."""
    match = _DEFINE.match(rest)
    if match is None:
        raise HeaderError(f"#define without a name: {rest!r}")
    name, parenthesis, value = match.groups()
    if parenthesis:
        # A function-like macro is a convenience of C programs; no library has it.
        return None
    macros[name] = value = value.strip()
    if not value:
        return None
    try:
        constant = _Expression(value, macros, strict=True).value()
    except HeaderError:
        return None
    return f"#define {name} {constant}"


def _expand(line: str, macros: dict[str, str]) -> str:
    """Replaces object-like macros in a line of declarations, also those that stand inside other macros."""

    def replace(match: re.Match[str]) -> str:
        name = match.group()
        if name not in macros:
            return name
        # A name inside its own expansion is left as it stands, as C says.
        inner = {key: value for key, value in macros.items() if key != name}
        return _expand(macros[name], inner)

    return _NAME.sub(replace, line)


class _Expression:
    """A parser of the preprocessor's integer expressions, by precedence climbing.

    ``strict`` refuses names that are no macros; it tells a constant from any other text.
    """

    _BINARY: ClassVar[dict[str, tuple[int, Callable[[int, int], int]]]] = {
        "||": (1, lambda a, b: int(bool(a or b))),
        "&&": (2, lambda a, b: int(bool(a and b))),
        "|": (3, lambda a, b: a | b),
        "&": (4, lambda a, b: a & b),
        "==": (5, lambda a, b: int(a == b)),
        "!=": (5, lambda a, b: int(a != b)),
        "<": (6, lambda a, b: int(a < b)),
        "<=": (6, lambda a, b: int(a <= b)),
        ">": (6, lambda a, b: int(a > b)),
        ">=": (6, lambda a, b: int(a >= b)),
        "<<": (7, lambda a, b: a << b),
        ">>": (7, lambda a, b: a >> b),
        "+": (8, lambda a, b: a + b),
        "-": (8, lambda a, b: a - b),
        "*": (9, lambda a, b: a * b),
    }
    _UNARY: ClassVar[dict[str, Callable[[int], int]]] = {
        "!": lambda a: int(not a),
        "-": lambda a: -a,
        "+": lambda a: a,
        "~": lambda a: ~a,
    }

    def __init__(self, text: str, macros: dict[str, str], strict: bool = False) -> None:
        self._text = text
        self._macros = macros
        self._strict = strict
        self._tokens = self._split(text)
        self._next = 0

    def value(self) -> int:
        result = self._binary(0)
        if self._next != len(self._tokens):
            raise self._error()
        return result

    def _split(self, text: str) -> list[str]:
        tokens: list[str] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error()
            tokens.append(match.group().strip())
            position = match.end()
        return tokens

    def _error(self) -> HeaderError:
        return HeaderError(f"not an integer expression: {self._text!r}")

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise self._error()

    def _binary(self, lowest: int) -> int:
        left = self._unary()
        while True:
            precedence, operation = self._BINARY.get(self._peek(), (0, None))
            if operation is None or precedence <= lowest:
                return left
            self._take()
            left = operation(left, self._binary(precedence))

    def _unary(self) -> int:
        token = self._take()
        if token in self._UNARY:
            return self._UNARY[token](self._unary())
        if token == "(":
            result = self._binary(0)
            self._expect(")")
            return result
        if token == "defined":
            return self._defined()
        integer = _INTEGER.match(token)
        if integer:
            digits = integer.group(1)
            octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
            return int(digits, 8 if octal else 0)
        if _NAME.fullmatch(token):
            return self._name(token)
        raise self._error()

    def _defined(self) -> int:
        parenthesis = self._peek() == "("
        if parenthesis:
            self._take()
        name = self._take()
        if not _NAME.fullmatch(name):
            raise self._error()
        if parenthesis:
            self._expect(")")
        return int(name in self._macros)

    def _name(self, name: str) -> int:
        if name not in self._macros:
            if self._strict:
                raise self._error()
            return 0
        others = {key: value for key, value in self._macros.items() if key != name}
        return _Expression(self._macros[name], others, self._strict).value()


if __name__ == "__main__":
    write_module(ROOT / MODULE_PATH)
    print(MODULE_PATH)
