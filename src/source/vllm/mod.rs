//! vLLM. A placeholder with the real one's interface, until the real one is merged.

pub mod probe;
