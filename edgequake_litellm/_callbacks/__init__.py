"""What programs are told of their calls: litellm's callbacks. Nothing here is loaded before one is registered."""
