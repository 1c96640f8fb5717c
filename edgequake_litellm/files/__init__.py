"""litellm.files: what the calls for files return."""
