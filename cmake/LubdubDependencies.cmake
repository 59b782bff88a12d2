# What others wrote and we need. scripts/install-dependencies installs it on Debian.

find_package(Threads REQUIRED)
find_package(Libev REQUIRED)
find_path(UTHASH_INCLUDE_DIR uthash.h REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
if(LUBDUB_TESTS)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
