# find_package(edgequake 1.2) takes a release with the same first number that is not older.

include("${CMAKE_CURRENT_LIST_DIR}/edgequake-installed.cmake")

set(PACKAGE_VERSION "${edgequake_RELEASE}")
string(REGEX MATCH "^[0-9]+" _edgequake_major "${PACKAGE_VERSION}")
# Where the library is missing, the release is empty, and edgequake-config.cmake says so.
if(PACKAGE_VERSION VERSION_EQUAL "${PACKAGE_FIND_VERSION}")
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  set(PACKAGE_VERSION_EXACT TRUE)
elseif(PACKAGE_VERSION VERSION_GREATER "${PACKAGE_FIND_VERSION}"
       AND (PACKAGE_FIND_VERSION STREQUAL "" OR PACKAGE_FIND_VERSION_MAJOR EQUAL _edgequake_major))
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
unset(_edgequake_major)
