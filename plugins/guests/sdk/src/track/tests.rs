//! Properties of the canonical track message.
