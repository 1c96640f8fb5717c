"""litellm's types of what goes to providers and comes from them."""
