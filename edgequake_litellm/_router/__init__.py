"""litellm's Router: Python's half of it. Choosing, retrying, cooling down and falling back are the engine's."""
