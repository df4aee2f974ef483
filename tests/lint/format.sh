#!/bin/sh
# Every C file is as clang-format leaves it.
set -u
command -v clang-format >/dev/null || { echo "skipped: clang-format is not installed"; exit 77; }
case $(clang-format --version) in *"version 14"*) ;; *) echo "skipped: formatted with clang-format 14, this is another"; exit 77 ;; esac
cd "$RATWATCH_SOURCE" || exit 1
find lib daemon cli scenario tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
