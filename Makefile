# make demo: set up, run the main job on real faces.  make test: set up, check, test.  make bench: measure.
# Each sets up its own .venv from PyPI; nothing but a C++17 compiler and Python 3.11+ is needed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SHARED ?= ../shared/data
MODEL  ?=
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
OUT    := out/demo

SOURCES := $(shell find sdk native/src native/include native/bindings native/cmake native/CMakeLists.txt -type f \
             -not -name '*.so' -not -name '*.pyc' 2>/dev/null)
CPP     := $(shell find native samples -name '*.cpp' -o -name '*.h' -o -name '*.c' 2>/dev/null)

.PHONY: demo test bench lint format clean

demo: $(VENV)/demo.stamp
	@set -e; model="$(MODEL)"; \
	if [ -z "$$model" ] && [ -f $(SHARED)/oracles/mediapipe/face_landmarker.task ]; then \
	  model=out/mediapipe.mien; mkdir -p out; \
	  $(BIN)/mien import $(SHARED)/oracles/mediapipe/face_landmarker.task -o $$model; \
	fi; \
	faces=$$(ls -U $(SHARED)/faces_public_domain/*.png $(SHARED)/faces_intel_ccby/*.gif 2>/dev/null || true); \
	if [ -z "$$model" ] || [ -z "$${FACES:-$$faces}" ]; then \
	  $(BIN)/mien doctor || true; \
	  echo "mien is set up, but no default model ships yet. Import a public one and show it your faces:"; \
	  echo "  $(BIN)/mien import face_landmarker.task -o face.mien"; \
	  echo "  $(BIN)/mien demo my_video.mp4 --model face.mien"; \
	else $(BIN)/mien demo $${FACES:-$$faces} --model $$model -o $(OUT); fi

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

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml $(SOURCES)
	$(BIN)/pip install -q --disable-pip-version-check ".[cli,video,litert,viewer]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml $(SOURCES)
	$(BIN)/pip install -q --disable-pip-version-check ".[dev]"
	@touch $@ $(VENV)/demo.stamp

clean:
	rm -rf $(VENV) build out .mypy_cache .ruff_cache .pytest_cache .hypothesis
