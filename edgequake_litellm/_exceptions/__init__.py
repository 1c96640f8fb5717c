"""The parts of `edgequake_litellm.exceptions`."""
