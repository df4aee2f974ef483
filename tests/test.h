// test: what every unit test includes instead of cmocka.h, which wants its own headers first.

#pragma once

// clang-format off
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
