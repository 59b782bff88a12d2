/* Includes cmocka with the headers that it needs before it, and declares the few things that every test needs. */
#ifndef LUBDUB_TESTS_SUPPORT_TEST_H
#define LUBDUB_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
