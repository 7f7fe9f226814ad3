# SPDX-License-Identifier: Apache-2.0
#
# A menu, not a build system: meson.build says how stint is built, tools/build in which ways, and
# tools/run-checks what must hold. `make help` lists what is here.

PREFIX ?= /usr/local
DESTDIR ?=
SEED ?= 1
NIGHTS ?= 1000
T ?= 30
TRIALS ?= 400

.DEFAULT_GOAL := release

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

release:  ## build the program: build/stint
	@tools/build release

demo:  ## a first night of batch work to watch (installs what building takes)
	@tools/setup build
	@tools/build release
	@examples/first-night/demo

check:  ## everything that must hold before a merge (installs what testing takes)
	@tools/setup build test
	@tools/run-checks all

check-postgres:  ## the system tests, each with its ledger in PostgreSQL
	@tools/setup build test
	@tools/run-checks postgres

quick:  ## gates, unit and contract tests, a short simulation: under a minute
	@tools/run-checks quick

lint:  ## the gates alone
	@tools/run-checks lint

sim:  ## simulate NIGHTS=1000 nights from SEED=1 on
	@tools/build -q dev
	build-dev/tests/sim/sim --seed $(SEED) --nights $(NIGHTS)

sim-long:  ## simulate a million nights that nobody has seen yet (an hour or so)
	@tools/build -q dev
	nice build-dev/tests/sim/sim --nights 1000000

CHAOS = cd tests/system && STINT=$(CURDIR)/build/stint nice /usr/bin/python3 -B \
	-m pytest -q -s -p no:cacheprovider test_chaos.py -k postgres

chaos:  ## ten minutes of five instances that are killed, stopped and cut off at random
	@tools/build -q release
	@export STINT_CHAOS_SECONDS=$${STINT_CHAOS_SECONDS:-600}; $(CHAOS)

chaos-long:  ## thirty of them
	@STINT_CHAOS_SECONDS=1800 $(MAKE) chaos

sim-bugs:  ## put each known bug in, and see whether the simulator finds it
	@tools/build -q dev
	tests/sim/mutate

inject:  ## let each allocation, read, write and sync fail, TRIALS=400 of each kind; 0: all of them
	@tools/build -q dev
	INJECT_TRIALS=$(TRIALS) meson test -C build-dev --no-rebuild -v -t 100 --suite inject

decimals:  ## decimal arithmetic against Python's: a million cases that nobody has seen yet
	@tools/build -q dev
	tests/decimal/compare --driver build-dev/tests/decimal/decimal_driver

asan:  ## all suites with address and undefined-behaviour sanitizers
	@tools/build asan
	meson test -C build-asan --no-rebuild --print-errorlogs -t 4

tsan:  ## all suites with the thread sanitizer
	@tools/build tsan
	meson test -C build-tsan --no-rebuild --print-errorlogs -t 10

valgrind:  ## unit and contract tests under valgrind
	@tools/setup analyze
	@tools/build dev
	meson test -C build-dev --no-rebuild --print-errorlogs -t 20 --suite unit --suite contract \
		--wrap 'valgrind -q --leak-check=full --error-exitcode=9 --track-fds=no'

fuzz:  ## let each fuzz target search for T=30 seconds; NAME=one for one
	@tools/run-fuzzers $(T) $(NAME)

fuzz-million:  ## a million executions of each fuzz target: ten minutes
	@tools/run-fuzzers -n 1000000 $(NAME)

analyze:  ## clang-tidy, cppcheck, gcc -fanalyzer
	@tools/setup build test analyze
	@tools/run-analyzers

format:  ## rewrite C files as clang-format has them; IN=src/base for some
	@tools/check-format --fix $(IN)

bench:  ## measure; NAME=one for one
	@tools/setup build bench
	@tools/build release
	@bench/run $(NAME)

install: release  ## install under DESTDIR and PREFIX=/usr/local
	meson configure build -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C build

clean:  ## remove everything built
	rm -rf build build-*/

.PHONY: help release demo check check-postgres quick lint sim sim-long chaos chaos-long sim-bugs \
	inject decimals asan tsan valgrind fuzz fuzz-million analyze format bench install clean
