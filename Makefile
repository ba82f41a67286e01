# make demo: set up, show the default models at work (FACES="my.mp4 me.jpg", MODEL=my.mien: on your own).
# make test: set up, check, test.  make bench: measure.
# make cards: write docs/cards from the shipped bundles and their measured figures.
# make train: set up, train the default bundles from the assets in ../shared (hours; a stopped run goes on).
# make train-on: set up, start the long training of the face network, or go on with it (Ctrl-C saves).
# Each sets up its own .venv from PyPI; nothing but a C++17 compiler and Python 3.11+ is needed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FACES  ?=
MODEL  ?=
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
OUT    := out/demo
RECIPES := detect face expression imu reenact

SOURCES := $(shell find sdk native/src native/include native/bindings native/cmake native/CMakeLists.txt -type f \
             -not -name '*.so' -not -name '*.pyc' 2>/dev/null)
CPP     := $(shell find native samples export -name "*.cpp" -o -name "*.h" -o -name "*.c" 2>/dev/null)

.PHONY: demo test bench train train-on cards lint format clean

demo: $(VENV)/demo.stamp
	$(BIN)/mien demo $(FACES) $(if $(MODEL),--model $(MODEL)) -o $(OUT)

test: $(VENV)/dev.stamp
	$(MAKE) --no-print-directory lint
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

train: $(VENV)/dev.stamp
	for name in $(RECIPES); do \
	  $(BIN)/python -m training.train $$name && \
	  $(BIN)/python -m export $$name --from out/training/$$name/$$name.pt -o out/training/$$name/$$name.mien || exit; \
	done

train-on: $(VENV)/dev.stamp
	nice -n 19 $(BIN)/python -m training.face.run

cards: $(VENV)/dev.stamp
	$(BIN)/python -m training.cards

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml $(SOURCES)
	$(BIN)/pip install -q --disable-pip-version-check ".[cli,video,litert,viewer]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml $(SOURCES)
	$(BIN)/pip install -q --disable-pip-version-check torch==2.13.0  # first: a plain resolve may fetch gigabytes of CUDA
	$(BIN)/pip install -q --disable-pip-version-check ".[dev]"
	@touch $@ $(VENV)/demo.stamp

clean:
	rm -rf $(VENV) build out .mypy_cache .ruff_cache .pytest_cache .hypothesis
