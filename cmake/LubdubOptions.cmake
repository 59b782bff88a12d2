# What a builder may choose. The presets in CMakePresets.json are the usual choices. As a part of another project
# (add_subdirectory) this one is its three libraries, unless more is asked for.

include(CMakeDependentOption)

option(LUBDUB_PROGRAMS "Build the programs, the benchmarks and the examples" ${PROJECT_IS_TOP_LEVEL})
cmake_dependent_option(LUBDUB_TESTS "Build the tests, which run the programs" ${PROJECT_IS_TOP_LEVEL} LUBDUB_PROGRAMS OFF)
option(LUBDUB_TLS "Build liblubdub-tls, with OpenSSL 3, and let the programs use it" ON)
cmake_dependent_option(LUBDUB_HTTP "Build the server's page, metrics and stream of events (needs libmicrohttpd)" ON
    LUBDUB_PROGRAMS OFF)
cmake_dependent_option(LUBDUB_SECCOMP "Let the programs give up system calls (libseccomp)" ON LUBDUB_PROGRAMS OFF)
cmake_dependent_option(LUBDUB_REDIS "Let the server tell Redis who is here (needs hiredis)" ON LUBDUB_PROGRAMS OFF)
option(LUBDUB_WERROR "Treat warnings as errors" OFF)
set(LUBDUB_SANITIZE "" CACHE STRING "Sanitizers as -fsanitize takes them: 'address,undefined' or 'thread'")
option(LUBDUB_FUZZER "Link tests/fuzz with the compiler's fuzzer; the presets fuzz, fuzz-bare and fuzz-afl" OFF)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

# An assert is a broken invariant of ours, and a release build is where that matters most.
set(LUBDUB_OPTIMISED_TYPES Release RelWithDebInfo MinSizeRel)
foreach(configuration IN LISTS LUBDUB_OPTIMISED_TYPES)
    string(TOUPPER ${configuration} configuration)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${configuration} "${CMAKE_C_FLAGS_${configuration}}")
endforeach()
