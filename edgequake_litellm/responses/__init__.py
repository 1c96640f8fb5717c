"""litellm.responses as a path of imports; the attribute of the package by this name is the function."""
