"""The clients of examples/, built and run against one library and one server, and what README.md says of them."""
