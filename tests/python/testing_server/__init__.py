"""Tests of edgequake_litellm.testing: by plain HTTP, without the package's own client."""
