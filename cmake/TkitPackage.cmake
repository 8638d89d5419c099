# SPDX-License-Identifier: MIT
# `cpack` makes Debian packages, tkit and libtkit-dev, of a build tree with the prefix /usr
# (`./dev package` makes one).
find_program(GZIP gzip)
if(NOT CMAKE_INSTALL_PREFIX STREQUAL /usr OR NOT GZIP)
  return()
endif()
set(TKIT_MAINTAINER "The tkit authors <tkit@packages.invalid>" CACHE STRING
    "Who answers for the packages: NAME <ADDRESS>")
set(TKIT_DISTRIBUTION unstable CACHE STRING "The packages' distribution, for their changelog")

# ---- what Debian wants beside the files ----

set(stamp $ENV{SOURCE_DATE_EPOCH})
if(NOT stamp)
  file(TIMESTAMP ${CMAKE_SOURCE_DIR}/NEWS.md stamp "%s" UTC)
endif()
execute_process(COMMAND date -u -R -d @${stamp} OUTPUT_VARIABLE TKIT_CHANGELOG_DATE
                OUTPUT_STRIP_TRAILING_WHITESPACE)
set(doc ${CMAKE_BINARY_DIR}/packaging)
configure_file(packaging/shlibs.in ${doc}/shlibs @ONLY)
foreach(TKIT_PACKAGE tkit libtkit-dev)
  configure_file(packaging/changelog.in ${doc}/${TKIT_PACKAGE}/changelog)
  configure_file(packaging/copyright.in ${doc}/${TKIT_PACKAGE}/copyright @ONLY)
  execute_process(COMMAND ${GZIP} -9nf ${doc}/${TKIT_PACKAGE}/changelog)
endforeach()
install(FILES ${doc}/tkit/changelog.gz ${doc}/tkit/copyright
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/tkit COMPONENT tkit)
install(FILES ${doc}/libtkit-dev/changelog.gz ${doc}/libtkit-dev/copyright
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libtkit-dev COMPONENT dev)

# ---- packages ----

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tkit)
set(CPACK_PACKAGE_VENDOR tkit)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_CONTACT ${TKIT_MAINTAINER})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # for what goes to /etc
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL tkit dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_TKIT_PACKAGE_NAME tkit)
set(CPACK_DEBIAN_TKIT_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_TKIT_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib)
set(CPACK_DEBIAN_TKIT_PACKAGE_RECOMMENDS "runc | crun")
set(CPACK_DEBIAN_TKIT_PACKAGE_SUGGESTS "bpftrace, docker.io | podman")
set(CPACK_DEBIAN_TKIT_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/conffiles
    ${CMAKE_SOURCE_DIR}/packaging/postrm ${CMAKE_SOURCE_DIR}/packaging/triggers ${doc}/shlibs)
set(CPACK_COMPONENT_TKIT_DESCRIPTION
    "tells which files a program or container really needs
tkit watches a program or a container run, by eBPF, ptrace, seccomp or
fanotify, and keeps each access to a file: what was used, and what was
looked for in vain. From that it makes a report, a comparison with a
manifest, or a minimal container image, and proves that the image runs.
Losses are counted and told.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libtkit-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "tkit (= ${PROJECT_VERSION}), python3") # the conformance kit
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_DEV_DESCRIPTION
    "headers and tests to write plugins for tkit
Backends, sinks and reporters of tkit are plugins: shared objects that
include these headers. pkg-config and CMake know them as tkit. With the
headers come templates (tkit plugin new), examples, and the programs with
which a backend is tested (tkit plugin conformance).")
include(CPack)
