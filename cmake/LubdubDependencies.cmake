# What others wrote and we need. scripts/install-dependencies installs it on Debian.

# For the libraries. Global, so that a project of which this one is a part can link them.
find_package(Threads REQUIRED GLOBAL)
find_package(Libev REQUIRED GLOBAL)
find_path(UTHASH_INCLUDE_DIR uthash.h REQUIRED)
if(LUBDUB_TLS)
    find_package(OpenSSL 3.0 REQUIRED GLOBAL)
endif()

if(LUBDUB_PROGRAMS)
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
    pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
    pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
    if(LUBDUB_HTTP)
        pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
    endif()
endif()
if(LUBDUB_TESTS)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
