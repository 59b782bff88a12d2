# The kinds of target there are. A folder's CMakeLists.txt is a list of them; flags live here and nowhere else.
#
#   lubdub_library(client SOURCES … [PARTS core] [INSIDE ev] [LINKS …])   installed: lubdub::client, lubdub::client-static
#   lubdub_archive(ev SOURCES … [LINKS …] [INCLUDES …])                   ours alone: lubdub::ev
#   lubdub_program(lubdub-client SOURCES … LINKS … [PACKAGE client])      installed; in the package of the tools, or this one
#   lubdub_test(test_silence lubdub::core-static [SOURCES …] [LABELS …] [TIMEOUT seconds] [BEHIND])
#   lubdub_tests(lubdub::core-static … [BEHIND])    one for each test_*.c in the folder; its other *.c are linked to all of them
#
# The target of a library has the name of its file, liblubdub-client, since lubdub-client is the program.
#
#   liblubdub-client.so   client, ev and core. It shows what is marked LUBDUB_API in its own headers and hides its ev
#                         and core, so one program may load liblubdub-server.so and liblubdub-core.so beside it.
#   liblubdub-client.a    client alone. liblubdub-ev.a and liblubdub-core.a come once after it on the linker's line,
#                         however many of our libraries a program links.

include(CheckCCompilerFlag)
include(CheckPIESupported)
include(GNUInstallDirs)

file(RELATIVE_PATH LUBDUB_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})

# ---- Flags

add_library(lubdub-warnings INTERFACE)
target_compile_options(lubdub-warnings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wpointer-arith
    -Wcast-qual -Wundef
    $<$<BOOL:${LUBDUB_WERROR}>:-Werror>)

add_library(lubdub-sanitizers INTERFACE)
if(LUBDUB_SANITIZE)
    target_compile_options(lubdub-sanitizers INTERFACE
        -fsanitize=${LUBDUB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_definitions(lubdub-sanitizers INTERFACE LUBDUB_SANITIZED)
    target_link_options(lubdub-sanitizers INTERFACE -fsanitize=${LUBDUB_SANITIZE})
endif()

# Code that computes for minutes in the tests: a third of the time. The rest of a sanitized build compiles faster without.
if(LUBDUB_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(LUBDUB_COMPUTES -O1)
endif()

if(CMAKE_BUILD_TYPE IN_LIST LUBDUB_OPTIMISED_TYPES AND NOT LUBDUB_SANITIZE)
    set(LUBDUB_IS_OPTIMISED TRUE)
endif()

# Where the optimiser runs: _FORTIFY_SOURCE needs it. tests/package/hardening_is_there reads what it comes to in the
# files. -fcf-protection does not show there: the linker marks a program for it only if all its parts are marked, and
# Debian's start files are not. It costs nothing and is there for systems whose start files are.
add_library(lubdub-hardening INTERFACE)
check_c_compiler_flag(-fcf-protection=full LUBDUB_HAS_CF_PROTECTION)
if(LUBDUB_IS_OPTIMISED)
    target_compile_options(lubdub-hardening INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
        $<$<BOOL:${LUBDUB_HAS_CF_PROTECTION}>:-fcf-protection=full>)
    target_link_options(lubdub-hardening INTERFACE LINKER:-z,relro,-z,now,-z,noexecstack)
endif()

# A probe runs through forty small functions of four folders; as one program they take 9 % fewer instructions. The
# archives hold ordinary code too (fat), for whoever links them without.
# GCC alone: what Clang of Debian 12 puts into an archive is of no use to others.
add_library(lubdub-link-time INTERFACE)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND LUBDUB_IS_OPTIMISED)
    target_compile_options(lubdub-link-time INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(lubdub-link-time INTERFACE -flto=auto)
endif()

add_library(lubdub-flags INTERFACE)
target_link_libraries(lubdub-flags INTERFACE lubdub-warnings lubdub-sanitizers lubdub-hardening lubdub-link-time)

check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)

# ---- Libraries

function(lubdub_archive part)
    cmake_parse_arguments(PARSE_ARGV 1 archive "" "" "SOURCES;LINKS;INCLUDES")
    set(archive liblubdub-${part})

    add_library(${archive} STATIC ${archive_SOURCES})
    add_library(lubdub::${part} ALIAS ${archive})
    set_target_properties(${archive} PROPERTIES OUTPUT_NAME lubdub-${part} EXPORT_NAME ${part})
    target_include_directories(${archive} PUBLIC "$<BUILD_INTERFACE:${archive_INCLUDES}>")
    target_link_libraries(${archive} PUBLIC ${archive_LINKS} PRIVATE $<BUILD_INTERFACE:lubdub-flags>)
endfunction()

function(lubdub_library part)
    cmake_parse_arguments(PARSE_ARGV 1 library "" "" "SOURCES;PARTS;INSIDE;LINKS")
    list(TRANSFORM library_INSIDE PREPEND lubdub:: OUTPUT_VARIABLE inside)
    list(TRANSFORM library_PARTS PREPEND lubdub:: OUTPUT_VARIABLE shared_parts)
    list(TRANSFORM shared_parts APPEND -static OUTPUT_VARIABLE static_parts)
    set(objects liblubdub-${part}-objects)
    set(shared liblubdub-${part})
    set(static liblubdub-${part}-static)

    add_library(${objects} OBJECT ${library_SOURCES})
    target_include_directories(${objects} PRIVATE include ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/common)
    target_link_libraries(${objects} PRIVATE ${inside} ${static_parts} ${library_LINKS} lubdub-flags)

    add_library(${shared} SHARED $<TARGET_OBJECTS:${objects}>)
    target_link_libraries(${shared}
        PUBLIC ${library_LINKS} INTERFACE ${shared_parts} PRIVATE ${inside} ${static_parts} lubdub-flags)
    target_link_options(${shared} PRIVATE LINKER:--exclude-libs,ALL)
    set_target_properties(${shared} PROPERTIES
        EXPORT_NAME ${part}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}) # before 1.0 a minor version may break callers

    add_library(${static} STATIC $<TARGET_OBJECTS:${objects}>)
    target_link_libraries(${static} PUBLIC ${library_LINKS} ${static_parts} PRIVATE ${inside})
    set_target_properties(${static} PROPERTIES EXPORT_NAME ${part}-static)

    foreach(target IN ITEMS ${shared} ${static})
        set_target_properties(${target} PROPERTIES OUTPUT_NAME lubdub-${part} LINKER_LANGUAGE C)
        target_include_directories(${target} PUBLIC
            $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    endforeach()
    add_library(lubdub::${part} ALIAS ${shared})
    add_library(lubdub::${part}-static ALIAS ${static})

    install(TARGETS ${shared} ${static} EXPORT lubdub
        LIBRARY COMPONENT library NAMELINK_COMPONENT development
        ARCHIVE COMPONENT development)
    install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h")
    set_property(GLOBAL APPEND PROPERTY LUBDUB_SHARED ${shared})
    set_property(GLOBAL APPEND PROPERTY LUBDUB_INSTALLED ${shared} ${static})
    configure_file(lubdub-${part}.pc.in lubdub-${part}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lubdub-${part}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()

# ---- Programs and tests

function(lubdub_program name)
    cmake_parse_arguments(PARSE_ARGV 1 program "" "PACKAGE" "SOURCES;LINKS")
    add_executable(${name} ${program_SOURCES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${program_LINKS} lubdub-flags)
    # One folder for all, as when installed: lubdub-swarm finds lubdub-server beside itself.
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
    if(NOT program_PACKAGE)
        set(program_PACKAGE tools)
    endif()
    install(TARGETS ${name} COMPONENT ${program_PACKAGE})
    set_property(GLOBAL APPEND PROPERTY LUBDUB_INSTALLED ${name})
endfunction()

# What computes and does not mind when gets a processor behind the tests that watch real time.
set(LUBDUB_BEHIND nice -n 19)

function(lubdub_test name)
    cmake_parse_arguments(PARSE_ARGV 1 test "BEHIND" "TIMEOUT" "SOURCES;LABELS")
    if(NOT test_TIMEOUT)
        set(test_TIMEOUT 300) # for one that hangs: a machine that is busy with others may take five times as long as usual
    endif()
    set(launcher)
    if(test_BEHIND)
        set(launcher ${LUBDUB_BEHIND})
    endif()
    file(RELATIVE_PATH folders ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
    string(REPLACE "/" ";" folders "${folders}")

    add_executable(${name} ${name}.c ${test_SOURCES})
    target_link_libraries(${name} PRIVATE ${test_UNPARSED_ARGUMENTS} lubdub::test-support PkgConfig::cmocka lubdub-flags)
    target_link_options(${name} PRIVATE -fno-lto) # which would see that memory is not needed, and not fail to get it
    add_test(NAME ${name} COMMAND ${launcher} $<TARGET_FILE:${name}>)
    set_tests_properties(${name} PROPERTIES
        TIMEOUT ${test_TIMEOUT}
        LABELS "${folders};${test_LABELS}"
        ENVIRONMENT "${LUBDUB_TEST_ENVIRONMENT}")
endfunction()

function(lubdub_tests)
    cmake_parse_arguments(PARSE_ARGV 0 tests "BEHIND" "" "")
    set(links ${tests_UNPARSED_ARGUMENTS})
    set(behind)
    if(tests_BEHIND)
        set(behind BEHIND)
    endif()
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
    file(GLOB names RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS test_*.c)
    list(TRANSFORM names REPLACE "\\.c$" "")
    file(GLOB helpers CONFIGURE_DEPENDS *.c)
    list(FILTER helpers EXCLUDE REGEX "/test_[^/]*$")

    if(helpers)
        lubdub_archive(test-${folder} SOURCES ${helpers} LINKS lubdub::test-support ${links})
        set(helpers lubdub::test-${folder})
    endif()
    foreach(name IN LISTS names)
        lubdub_test(${name} ${helpers} ${links} ${behind})
    endforeach()
endfunction()
