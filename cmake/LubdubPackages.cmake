# Debian packages: `cmake --workflow --preset package` makes them in build/package. The parts of an installation are
# components: server, client, tools, library, development, documentation. What goes into a package and nowhere else (copyright,
# changelog, maintainer scripts) stands in packaging/debian.

set(LUBDUB_DEBIAN ${PROJECT_SOURCE_DIR}/packaging/debian)
set(LUBDUB_DEBIAN_MADE ${PROJECT_BINARY_DIR}/packaging/debian)
set(library_package liblubdub${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(CPACK_GENERATOR DEB)
set(CPACK_PRE_BUILD_SCRIPTS ${LUBDUB_DEBIAN}/strip.cmake)
configure_file(${LUBDUB_DEBIAN}/cpack_settings.cmake.in ${LUBDUB_DEBIAN_MADE}/cpack_settings.cmake @ONLY)
set(CPACK_PROJECT_CONFIG_FILE ${LUBDUB_DEBIAN_MADE}/cpack_settings.cmake)
set(CPACK_PACKAGE_NAME lubdub)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Lubdub authors <maintainers@lubdub.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # every package has its own
set(CPACK_COMPONENTS_ALL server client tools library development documentation)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# lubdub_package(COMPONENT NAME SECTION "one line" "more lines" [DEPENDS …] [SCRIPTS file…] [PROGRAMS] [EVERYWHERE])
# PROGRAMS: has programs, whose libraries are found. (For a package of libraries CPack would add scripts that call ldconfig.)
function(lubdub_package component name section summary description)
    cmake_parse_arguments(PARSE_ARGV 5 package "EVERYWHERE;PROGRAMS" "DEPENDS" "SCRIPTS")
    string(TOUPPER ${component} COMPONENT)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME ${name} PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_DEPENDS "${package_DEPENDS}" PARENT_SCOPE)
    set(CPACK_COMPONENT_${COMPONENT}_DESCRIPTION "${summary}\n${description}" PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_CONTROL_EXTRA "${package_SCRIPTS}" PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_SHLIBDEPS ${package_PROGRAMS} PARENT_SCOPE)
    if(package_EVERYWHERE)
        set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_ARCHITECTURE all PARENT_SCOPE)
    endif()

    # What every package has.
    install(FILES ${LUBDUB_DEBIAN}/copyright ${LUBDUB_DEBIAN_MADE}/changelog.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component} EXCLUDE_FROM_ALL)
    if(EXISTS ${LUBDUB_DEBIAN}/${name}.lintian-overrides)
        install(FILES ${LUBDUB_DEBIAN}/${name}.lintian-overrides
            DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME ${name} COMPONENT ${component} EXCLUDE_FROM_ALL)
    endif()
endfunction()

# The programs open a library that their links do not show.
set(opened "${library_package} (>= ${PROJECT_VERSION})")

lubdub_package(server lubdub-server net "heartbeat server that says who died of what"
"Accepts clients over long-lived TCP connections, acknowledges their probes,
gives up the silent, and reports of each end whether the process ended, the
program hangs, or the machine cannot be reached."
    PROGRAMS DEPENDS "adduser, init-system-helpers (>= 1.60), ${opened}"
    SCRIPTS ${LUBDUB_DEBIAN}/server/conffiles ${LUBDUB_DEBIAN}/server/postinst ${LUBDUB_DEBIAN}/server/prerm
        ${LUBDUB_DEBIAN}/server/postrm)
lubdub_package(client lubdub-client net "heartbeat client, like ping or beside a program"
"Keeps a session with a heartbeat server and says when the server is down and
why. It runs commands when that happens, and tells the server the health of
what it runs beside."
    PROGRAMS DEPENDS "${opened}")
lubdub_package(tools lubdub-tools net "instruments for heartbeats: plan, swarm, simulator"
"Says which interval and timeout find a dead peer in time, runs thousands of
clients and hurts some of them to measure how soon that is noticed, and runs
the heartbeat in virtual time. Has a dissector for Wireshark, too."
    PROGRAMS DEPENDS "lubdub-server (>= ${PROJECT_VERSION}), ${opened}")
lubdub_package(library ${library_package} libs "heartbeats over TCP, shared libraries"
"The heartbeat's protocol and detection, and a client and a server inside a
program's own libev loop."
    SCRIPTS ${LUBDUB_DEBIAN_MADE}/shlibs ${LUBDUB_DEBIAN_MADE}/symbols ${LUBDUB_DEBIAN}/triggers)
if(LUBDUB_TLS)
    set(tls_headers ", libssl-dev")
endif()
lubdub_package(development liblubdub-dev libdevel "heartbeats over TCP, headers and static libraries"
"For programs that have a heartbeat client or server inside: headers, static
libraries, files for pkg-config and CMake, and the manuals of the functions."
    DEPENDS "${library_package} (>= ${PROJECT_VERSION}), libev-dev${tls_headers}")
lubdub_package(documentation lubdub-doc doc "heartbeats over TCP, documents and examples"
"The guides, the reference, the protocol, and clients in C, Python and
JavaScript."
    EVERYWHERE)

install(FILES ${LUBDUB_DEBIAN}/server.conf DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/lubdub COMPONENT server EXCLUDE_FROM_ALL)
install(FILES ${LUBDUB_DEBIAN}/client.conf
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/lubdub-client/examples COMPONENT client EXCLUDE_FROM_ALL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/guide ${PROJECT_SOURCE_DIR}/docs/reference ${PROJECT_SOURCE_DIR}/docs/decisions
    ${PROJECT_SOURCE_DIR}/docs/results ${PROJECT_SOURCE_DIR}/docs/internals
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/lubdub-doc COMPONENT documentation EXCLUDE_FROM_ALL
    FILES_MATCHING PATTERN "*.md")
install(FILES ${PROJECT_SOURCE_DIR}/docs/protocol.md
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/lubdub-doc COMPONENT documentation EXCLUDE_FROM_ALL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/lubdub-doc
    COMPONENT documentation EXCLUDE_FROM_ALL USE_SOURCE_PERMISSIONS PATTERN CMakeLists.txt EXCLUDE)

include(CPack)
