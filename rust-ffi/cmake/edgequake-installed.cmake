# What is installed, for the two files beside this one. The release and the system's libraries stand in edgequake.pc alone.

get_filename_component(edgequake_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(edgequake_RELEASE "")
set(edgequake_SYSTEM_LIBRARIES "")
set(edgequake_STATIC_LIBRARY "")

# find_library knows which of lib, lib64 and lib/<architecture> is the target's.
unset(edgequake_LIBRARY CACHE)
find_library(edgequake_LIBRARY NAMES edgequake PATHS "${edgequake_PREFIX}" PATH_SUFFIXES lib
             NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
set(_edgequake_library "${edgequake_LIBRARY}")
unset(edgequake_LIBRARY CACHE)
get_filename_component(_edgequake_directory "${_edgequake_library}" DIRECTORY)
set(_edgequake_pc "${_edgequake_directory}/pkgconfig/edgequake.pc")

if(_edgequake_library AND EXISTS "${_edgequake_pc}")
  set(edgequake_LIBRARY "${_edgequake_library}")
  set(edgequake_STATIC_LIBRARY
      "${_edgequake_directory}/${CMAKE_STATIC_LIBRARY_PREFIX}edgequake${CMAKE_STATIC_LIBRARY_SUFFIX}")
  file(STRINGS "${_edgequake_pc}" _edgequake_line REGEX "^Version: ")
  string(REGEX REPLACE "^Version: *" "" edgequake_RELEASE "${_edgequake_line}")
  file(STRINGS "${_edgequake_pc}" _edgequake_line REGEX "^Libs\\.private: ")
  string(REGEX REPLACE "^Libs\\.private: *" "" _edgequake_line "${_edgequake_line}")
  # A framework of macOS is two words, and one item.
  string(REGEX MATCHALL "-framework [^ ]+|-[^ ]+" edgequake_SYSTEM_LIBRARIES "${_edgequake_line}")
else()
  set(edgequake_LIBRARY "")
endif()

unset(_edgequake_library)
unset(_edgequake_directory)
unset(_edgequake_pc)
unset(_edgequake_line)
