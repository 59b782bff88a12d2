# The CMake package. Libraries, headers, programs and pkg-config files are installed by the folders they stand in.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lubdub)
configure_package_config_file(cmake/lubdub-config.cmake.in lubdub-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(lubdub-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT lubdub NAMESPACE lubdub:: FILE lubdub-targets.cmake DESTINATION ${package_dir}
    COMPONENT development)
install(FILES
    ${PROJECT_BINARY_DIR}/lubdub-config.cmake
    ${PROJECT_BINARY_DIR}/lubdub-config-version.cmake
    cmake/FindLibev.cmake
    DESTINATION ${package_dir} COMPONENT development)
