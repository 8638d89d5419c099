# SPDX-License-Identifier: MIT
# tkit_plugin(KIND NAME SOURCES file... [LIBRARIES target...])
#
# Builds the plugin NAME of KIND (backend, sink, reporter) as a module that sees only
# <tkit/*.h> and exports only its descriptor. In the build tree it is
# ${CMAKE_BINARY_DIR}/plugins/KIND-NAME.so, installed ${libdir}/tkit/plugins/KIND-NAME.so.
function(tkit_plugin kind name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LIBRARIES")
  set(target ${kind}-${name})
  add_library(${target} MODULE ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY
                        ${CMAKE_BINARY_DIR}/plugins)
  target_link_libraries(${target} PRIVATE libtkit ${arg_LIBRARIES})
  if(NOT TKIT_ASAN AND NOT TKIT_TSAN AND NOT TKIT_UBSAN AND NOT TKIT_FUZZ)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  target_link_options(${target} PRIVATE
                      -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/plugin.map)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/plugin.map)
  set_property(GLOBAL APPEND PROPERTY tkit_plugins ${target})
  install(TARGETS ${target} DESTINATION ${CMAKE_INSTALL_LIBDIR}/tkit/plugins COMPONENT tkit)
endfunction()
