"""include/edgequake.h means the same to C compilers, to cffi and to the library."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgequake_litellm import _native

from .conftest import importing_from

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
HEADER = INCLUDE / "edgequake.h"

with importing_from(ROOT, ROOT / "ci"):
    import symbols

    import build_ffi

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{INCLUDE}"]


def compiler(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: object) -> str:
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def cdef() -> str:
    return build_ffi.declarations(HEADER.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def constants(cdef: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"^#define (EQ_\w+) (-?\d+)$", cdef, re.MULTILINE)}


# -- for C compilers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "standard"),
    [(command, standard) for command in ("gcc", "clang") for standard in ("c99", "c11", "c17")]
    + [(command, "c++17") for command in ("g++", "clang++")],
)
def test_compiles_without_a_warning(command: str, standard: str, tmp_path: Path) -> None:
    # Included twice: once for the include guard. Alone: the header brings what it needs.
    source = tmp_path / ("main.cpp" if "++" in standard else "main.c")
    source.write_text('#include "edgequake.h"\n#include "edgequake.h"\nint main(void) { return EQ_OK; }\n')
    run(compiler(command), f"-std={standard}", *STRICT, "-fsyntax-only", source)


@pytest.mark.parametrize(("command", "standard"), [("cc", "c99"), ("c++", "c++17")])
def test_layout_is_the_promised_one(command: str, standard: str) -> None:
    language = "c++" if "++" in standard else "c"
    run(compiler(command), f"-std={standard}", *STRICT, "-fsyntax-only", "-x", language, ROOT / "tests/c/layout.c")


def test_fits_a_persons_head() -> None:
    assert len(HEADER.read_text(encoding="utf-8").splitlines()) <= 400
    assert len(symbols.declared()) <= 32


def test_every_name_has_the_prefix(cdef: str) -> None:
    # A C program has one namespace, and what it includes is in it.
    macros = set(re.findall(r"^#define (\w+)", HEADER.read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name in sorted(macros - {"EDGEQUAKE_H"}) if not name.startswith("EQ_")] == []
    types = [name for names in _native.ffi.list_types() for name in names]
    assert [name for name in types if not name.startswith("eq_")] == []
    assert len(types) > 10


def test_has_no_enum_and_no_bitfield(cdef: str) -> None:
    # Their size and layout are the compiler's choice.
    assert not re.search(r"\benum\b", cdef)
    assert not re.search(r":\s*\d+\s*;", cdef)


def test_constants_have_the_values_that_a_c_compiler_sees(constants: dict[str, int], tmp_path: Path) -> None:
    assert {"EQ_ABI_VERSION", "EQ_OK", "EQ_TIMEOUT", "EQ_ERR_PANIC", "EQ_EVENT_FAILED", "EQ_CANCEL"} <= constants.keys()
    source, program = tmp_path / "constants.c", tmp_path / "constants"
    lines = "".join(f'  printf("{name} %lld\\n", (long long)({name}));\n' for name in constants)
    source.write_text(f'#include <stdio.h>\n#include "edgequake.h"\nint main(void) {{\n{lines}  return 0;\n}}\n')
    run(compiler("cc"), "-std=c99", *STRICT, source, "-o", program)
    assert {name: int(value) for name, value in map(str.split, run(program).splitlines())} == constants


def test_every_constant_of_the_header_is_in_the_binding(constants: dict[str, int]) -> None:
    defined = set(re.findall(r"^#define (EQ_\w+)", HEADER.read_text(encoding="utf-8"), re.MULTILINE))
    assert defined == constants.keys()
    assert {name: _native.ffi.integer_const(name) for name in constants} == constants


# -- for cffi and the library -------------------------------------------------------------------------------------------


def test_every_declared_function_is_in_the_library(cdef: str) -> None:
    functions = symbols.declared()
    assert functions
    for name in functions:
        assert _native.ffi.typeof(getattr(_native.lib, name)).kind == "function", name
    assert [name for name in dir(_native.lib) if name.startswith("eq_")] == functions


@pytest.mark.skipif(sys.platform == "win32", reason="nm reads no DLL")
def test_exported_symbols_are_the_committed_list() -> None:
    assert symbols.listed() == symbols.declared()
    assert symbols.exported(Path(_native.library_path())) == symbols.listed()


def test_structs_have_the_layout_that_a_c_compiler_gives_them(tmp_path: Path) -> None:
    structs = {"eq_bytes", "eq_event"}
    expected, lines = [], []
    for struct in sorted(structs):
        kind = _native.ffi.typeof(struct)
        for name, field in kind.fields:
            expected.append(f"{struct}.{name} {field.offset} {_native.ffi.sizeof(field.type)}")
            size = f"sizeof((({struct} *)0)->{name})"
            lines.append(f'  printf("{struct}.{name} %zu %zu\\n", offsetof({struct}, {name}), {size});\n')
        expected.append(f"{struct} {_native.ffi.sizeof(struct)} {_native.ffi.alignof(struct)}")
        lines.append(f'  printf("{struct} %zu %zu\\n", sizeof({struct}), _Alignof({struct}));\n')
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text(
        f'#include <stdio.h>\n#include "edgequake.h"\nint main(void) {{\n{"".join(lines)}  return 0;\n}}\n'
    )
    run(compiler("cc"), "-std=c11", *STRICT, source, "-o", program)
    assert run(program).splitlines() == expected


# -- the translation for cffi -------------------------------------------------------------------------------------------


def test_comments_go_and_text_that_looks_like_one_stays() -> None:
    header = """
    int a; /* gone { */ int b; // gone }
    /* one
       two */ int c; /// gone
    int d; // a comment that goes on \\
       int no;
    #define URL "http://x" /* a macro of text is no constant */
    """
    assert build_ffi.declarations(header).split() == ["int", "a;", "int", "b;", "int", "c;", "int", "d;"]


def test_conditions_are_followed() -> None:
    header = """
    #ifndef GUARD
    #define GUARD
    #include <stdint.h>
    #ifdef __cplusplus
    extern "C" {
    #endif
    #if __STDC_VERSION__ >= 202311L || defined(__cplusplus)
    enum kind : int32_t { A };
    #elif defined GUARD && !defined(OTHER) && (1 + 2 * 3 == 7) && -1 < 0
    typedef int32_t kind;
      #if 0
        #if 1
          int nested;
        #else
          int other;
        #endif
        #error not here
      #else
    int kept;
      #endif
    #else
    int not_this;
    #endif
    #ifdef __cplusplus
    }
    #endif
    #endif
    """
    assert build_ffi.declarations(header).split() == ["typedef", "int32_t", "kind;", "int", "kept;"]


def test_macros_become_constants_or_their_text() -> None:
    header = r"""
    #define EQ_SIZE 0x10u
    #define EQ_LAST (EQ_SIZE - 1)
    #define EQ_FLAG (1 << 3)
    #define EQ_NEGATIVE -7
    #define EQ_OCTAL 010
    #define EQ_API __attribute_is_gone
    #undef EQ_API
    #define EQ_API
    #define EQ_MAX(a, b) ((a) > (b) ? (a) : (b))
    #define EQ_HANDLE struct handle *
    #define EQ_TWO \
        2
    EQ_API int f(EQ_HANDLE h, char buffer[EQ_SIZE]);
    """
    assert [line.strip() for line in build_ffi.declarations(header).splitlines()] == [
        "#define EQ_SIZE 16",
        "#define EQ_LAST 15",
        "#define EQ_FLAG 8",
        "#define EQ_NEGATIVE -7",
        "#define EQ_OCTAL 8",
        "#define EQ_TWO 2",
        "int f(struct handle * h, char buffer[0x10u]);",
    ]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("#if FOO(1)\n#endif\n", r"line 1: not an integer expression: 'FOO\(1\)'"),
        ("int a;\n#if 1 +\n#endif\n", "line 2: not an integer expression"),
        ("\n\n#endif\n", "line 3: #endif without an #if"),
        ("#else\n", "line 1: #else without an #if"),
        ("#if 1\n", "ends inside an #if"),
        ("/* two\nlines */\n#error no such platform\n", "line 3: #error no such platform"),
        ("int a; \\\nint b;\n#embed <x>\n", "line 3: unknown directive #embed"),
        ("#define\n", "line 1: #define without a name"),
    ],
)
def test_what_is_not_understood_stops_the_build(header: str, message: str) -> None:
    with pytest.raises(build_ffi.HeaderError, match=message):
        build_ffi.declarations(header)


def test_the_module_is_made_from_the_header_alone(tmp_path: Path) -> None:
    header, module = tmp_path / "small.h", tmp_path / "made" / "module.py"
    header.write_text("#define EQ_ANSWER 42\ntypedef struct { int a; } thing;\nint eq_f(thing *t);\n")
    build_ffi.write_module(module, header)
    first = module.read_text()
    namespace: dict[str, object] = {}
    exec(compile(first, str(module), "exec"), namespace)
    ffi = namespace["ffi"]
    assert ffi.integer_const("EQ_ANSWER") == 42  # type: ignore[attr-defined]
    assert ffi.sizeof("thing") == 4  # type: ignore[attr-defined]
    build_ffi.write_module(module, header)
    assert module.read_text() == first
