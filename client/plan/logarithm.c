/* Opens libm by the name that the C library's own headers give it. */
#include "client/plan/logarithm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#if __has_include(<gnu/lib-names.h>)
#include <gnu/lib-names.h>
#endif

#ifndef LIBM_SO
#define LIBM_SO "libm.so"
#endif

typedef double function(double x);

static function *log_function;
static function *exp_function;
static const char *problem = "";

static function *find(void *library, const char *name)
{
    function *found = NULL;

    *(void **)&found = dlsym(library, name); /* POSIX: a pointer to data may hold a function */
    return found;
}

bool lubdub_logarithm_open(void)
{
    void *library;

    if (exp_function != NULL) {
        return true;
    }
    library = dlopen(LIBM_SO, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) {
        log_function = find(library, "log");
        exp_function = find(library, "exp");
    }
    if (library == NULL || log_function == NULL || exp_function == NULL) {
        problem = dlerror();
        exp_function = NULL;
        return false;
    }
    return true;
}

const char *lubdub_logarithm_problem(void)
{
    return problem;
}

static void need(void)
{
    if (!lubdub_logarithm_open()) {
        fprintf(stderr, "lubdub: no logarithm: %s\n", problem);
        abort();
    }
}

double lubdub_logarithm(double x)
{
    need();
    return log_function(x);
}

double lubdub_exponential(double x)
{
    need();
    return exp_function(x);
}
