//! The providers of the crate `edgequake-llm`.
