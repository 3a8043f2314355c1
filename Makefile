# SPDX-License-Identifier: LGPL-2.1-or-later
# Thin: the work is done by meson and by the scripts in tools/.

BUILD ?= build

.PHONY: help build run check sanitize bench fuzz format install clean

help:
	@echo "make run       build, compile the demo profile, start the daemons privately, show virsh"
	@echo "make check     everything that must pass before a change lands (installs what it needs)"
	@echo "make sanitize  the tests with daemons and guests under ASan and UBSan, an hour"
	@echo "make bench     reference and ours side by side"
	@echo "make fuzz      every fuzz target for a minute under ASan and UBSan"
	@echo "make format    clang-format over the tree"
	@echo "make install   build and install (DESTDIR is honoured)"

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/install-packages build
	meson setup $(BUILD)

run:
	tools/install-packages build run
	tools/run-demo

check:
	tools/install-packages build run check reference host
	tools/check

sanitize:
	tools/install-packages build run check reference host
	tools/check live-sanitizers

bench:
	tools/install-packages build run reference bench
	@test -e build-release/build.ninja || meson setup build-release -Dbuildtype=release
	ninja -C build-release
	VIRTHOST_BUILD=build-release tests/bench/run.py
	VIRTHOST_BUILD=build-release tests/bench/guests.py
	tests/bench/profiles.py build-release/profiles/virthost . --check

fuzz:
	tools/install-packages build check
	tools/run-fuzz

format:
	tools/check-format --fix

install: build
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*
