# Wraps meson and the scripts. `make` builds in release mode into ./build.

.PHONY: all demo test lint format bench fuzz install clean

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build

demo:
	@./scripts/demo

test:
	@./scripts/test

lint: build/build.ninja
	@meson test -C build --suite lint --print-errorlogs --quiet

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

bench: all
	@meson test -C build --benchmark --verbose

fuzz: all
	@meson test -C build --suite fuzz --print-errorlogs

install: all
	@meson install -C build

clean:
	@rm -rf build
