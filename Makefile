# SPDX-License-Identifier: GPL-3.0-or-later
# Lotse: everything a person or a CI pipeline runs starts here.
PYTHON ?=
BIN := .venv/bin
ENTER := tests/lab/enter
export LOTSE_LAB ?= lab

.PHONY: help setup demo test test-all unit lab-test bench lint lab-up lab-down clean

help:
	@echo "make demo      the whole crossing in the lab, under live load, with a report"
	@echo "make test      unit tests, module conversations, crossings and faults in the lab"
	@echo "make test-all  what takes longer, too"
	@echo "make bench     what it costs, side by side with community.proxmox: build/bench, docs/performance.md"
	@echo "make lint      ansible-lint, yamllint, ruff, mypy, layers, ansible-doc"
	@echo "make lab-up    start the practice lab      make lab-down   end it and leave nothing"
	@echo "make setup     system packages, .venv, linked collection (idempotent)"

setup:
	@PYTHON="$(PYTHON)" scripts/setup

lab-up: setup
	@$(BIN)/python -m tests.lab up

lab-down:
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m tests.lab down

demo: setup
	@$(BIN)/python -m tests.lab.crossing demo

unit: setup
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not thorough" tests/unit tests/faults

lab-test: setup
	@$(BIN)/python -m pytest -m "lab and not thorough" tests/integration tests/lab/pve

test: unit lab-test

test-all: test
	@$(BIN)/python -m pytest -n auto --dist worksteal -m thorough tests/faults
	@$(BIN)/python -m pytest -m "lab and thorough" tests/integration

bench: setup
	@$(BIN)/python -m tests.bench

lint: setup
	@scripts/lint

clean:
	@$(MAKE) --no-print-directory lab-down
	rm -rf .venv .collections .lab build .mypy_cache .ruff_cache .hypothesis
