"""litellm.files.main: the calls for files."""

from __future__ import annotations

from .._operations.files import (
    acreate_file,
    afile_content,
    afile_delete,
    afile_list,
    afile_retrieve,
    create_file,
    file_content,
    file_delete,
    file_list,
    file_retrieve,
)

__all__ = [
    "acreate_file",
    "afile_content",
    "afile_delete",
    "afile_list",
    "afile_retrieve",
    "create_file",
    "file_content",
    "file_delete",
    "file_list",
    "file_retrieve",
]
