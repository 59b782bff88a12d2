# Finds libev, which brings neither a pkg-config file nor a CMake package, as the target Libev::Libev.

find_path(Libev_INCLUDE_DIR ev.h PATH_SUFFIXES libev)
find_library(Libev_LIBRARY ev)
mark_as_advanced(Libev_INCLUDE_DIR Libev_LIBRARY)

if(Libev_INCLUDE_DIR)
    file(STRINGS ${Libev_INCLUDE_DIR}/ev.h Libev_VERSION REGEX "define EV_VERSION_M(AJOR|INOR)")
    string(REGEX REPLACE ".*MAJOR +([0-9]+).*MINOR +([0-9]+).*" "\\1.\\2" Libev_VERSION "${Libev_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libev REQUIRED_VARS Libev_LIBRARY Libev_INCLUDE_DIR VERSION_VAR Libev_VERSION)

if(Libev_FOUND AND NOT TARGET Libev::Libev)
    add_library(Libev::Libev UNKNOWN IMPORTED)
    set_target_properties(Libev::Libev PROPERTIES
        IMPORTED_LOCATION ${Libev_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${Libev_INCLUDE_DIR})
endif()
