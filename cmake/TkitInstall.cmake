# SPDX-License-Identifier: MIT
# What `cmake --install` puts where. Two components: `tkit` is all that runs, `dev` all that
# one needs to write a plugin. An installed tree can be moved: nothing in it names the prefix,
# unless that is /usr.
include(CMakePackageConfigHelpers)

# ---- what runs (plugins: TkitPlugin.cmake) ----

install(TARGETS tkit RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tkit)
# Engines that give a runtime no words of its own (podman, containerd) call it by this name.
file(CREATE_LINK tkit ${CMAKE_BINARY_DIR}/tkit-runc SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/tkit-runc DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tkit)
install(TARGETS libtkit EXPORT tkit LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT tkit NAMELINK_COMPONENT dev)
install(FILES ${confs} DESTINATION ${CMAKE_INSTALL_LIBDIR}/tkit/plugins.d COMPONENT tkit)
# For the administrator's confs; the prefix's own where that is no place of the system's.
install(CODE "
  if(\"\$ENV{DESTDIR}\" STREQUAL \"\" AND NOT CMAKE_INSTALL_PREFIX MATCHES \"^/usr(/local)?\$\")
    set(etc \"\${CMAKE_INSTALL_PREFIX}/etc\")
  else()
    set(etc /etc)
  endif()
  file(INSTALL \"${CMAKE_SOURCE_DIR}/packaging/README.plugins.d\"
       DESTINATION \"\${etc}/tkit/plugins.d\" RENAME README)" COMPONENT tkit)

# ---- what plugins are written with ----

set(include_dir ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY core/include/tkit DESTINATION ${include_dir} COMPONENT dev
        FILES_MATCHING PATTERN "*.h")
install(FILES proto/tkit.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/tkit COMPONENT dev)

set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
  set(PC_PREFIX /usr)
else()
  file(RELATIVE_PATH up /x/${pc_dir} /x)
  string(REGEX REPLACE "/$" "" up ${up})
  set(PC_PREFIX "\${pcfiledir}/${up}")
endif()
configure_file(cmake/tkit.pc.in ${CMAKE_BINARY_DIR}/tkit.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/tkit.pc DESTINATION ${pc_dir} COMPONENT dev)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tkit)
install(EXPORT tkit NAMESPACE tkit:: FILE tkit-config.cmake DESTINATION ${package_dir}
        COMPONENT dev)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tkit-config-version.cmake
                                 COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/tkit-config-version.cmake DESTINATION ${package_dir}
        COMPONENT dev)
