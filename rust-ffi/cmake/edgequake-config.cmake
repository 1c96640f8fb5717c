# find_package(edgequake) finds this file. It defines
#
#   edgequake::edgequake   the shared library,
#   edgequake::static      the static library, with the system's libraries that it needs,
#
# both with the folder of edgequake.h. All paths follow from where this file is, so an installation may be moved as a whole.

include("${CMAKE_CURRENT_LIST_DIR}/edgequake-installed.cmake")

if(NOT edgequake_LIBRARY)
  set(edgequake_FOUND FALSE)
  set(edgequake_NOT_FOUND_MESSAGE "no library edgequake with its pkg-config file is under ${edgequake_PREFIX}")
  return()
endif()

if(NOT TARGET edgequake::edgequake)
  add_library(edgequake::edgequake UNKNOWN IMPORTED)
  set_target_properties(edgequake::edgequake PROPERTIES
    IMPORTED_LOCATION "${edgequake_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${edgequake_PREFIX}/include")
endif()

if(EXISTS "${edgequake_STATIC_LIBRARY}" AND NOT TARGET edgequake::static)
  add_library(edgequake::static STATIC IMPORTED)
  set_target_properties(edgequake::static PROPERTIES
    IMPORTED_LOCATION "${edgequake_STATIC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${edgequake_PREFIX}/include"
    INTERFACE_LINK_LIBRARIES "${edgequake_SYSTEM_LIBRARIES}")
endif()
