# Two commands for a fresh machine: `make demo` and `make test`. Both create .venv and install what is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo_output
export OMP_NUM_THREADS ?= 2

# Tests of live cameras, of MQTT and of PostgreSQL start real servers from Debian's packages; without them they are skipped.
SERVER_PACKAGES := mosquitto gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad postgresql

.PHONY: demo test test-all check clean install install-dev tflite

demo: install
	$(BIN)/python main.py demo --out $(OUT)

test: install-dev $(VENV)/.system-packages
	$(BIN)/python -m pytest

test-all: install-dev tflite $(VENV)/.system-packages
	$(BIN)/python -m pytest -m "slow or not slow"

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/.system-packages: Makefile | $(BIN)/python
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		dpkg -s $(SERVER_PACKAGES) >/dev/null 2>&1 || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(SERVER_PACKAGES) >/dev/null; } \
		|| echo "could not install $(SERVER_PACKAGES): tests of live cameras, MQTT and PostgreSQL are skipped"; \
	else echo "not root on Debian: for the tests of live cameras, MQTT and PostgreSQL install $(SERVER_PACKAGES)"; fi
	touch $@

# The TFLite converter needs another torch than the application: it lives in an environment of its own.
tflite: .venv-tflite/.installed
.venv-tflite/.installed: requirements-tflite.txt
	$(PYTHON) -m venv .venv-tflite
	.venv-tflite/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-tflite.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-tflite $(OUT) omnitrack_output .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
