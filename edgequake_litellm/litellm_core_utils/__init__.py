"""litellm.litellm_core_utils: a module path of litellm's that programs import from."""
