"""litellm's package of types. The submodules are where programs import from."""
