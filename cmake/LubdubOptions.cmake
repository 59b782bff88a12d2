# What a builder may choose. The presets in CMakePresets.json are the usual choices.

option(LUBDUB_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(LUBDUB_WERROR "Treat warnings as errors" OFF)
set(LUBDUB_SANITIZE "" CACHE STRING "Sanitizers as -fsanitize takes them: 'address,undefined' or 'thread'")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

# An assert is a broken invariant of ours, and a release build is where that matters most.
foreach(configuration RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${configuration} "${CMAKE_C_FLAGS_${configuration}}")
endforeach()
