//! The engine's settings, in one place: the tool compiles with them, the runtime loads with them,
//! and wasmtime refuses an artifact whose settings differ.
//!
//! Under the feature `compiler`, which only the tool asks for, this module also compiles.

use wasmtime::{Config, WasmBacktraceDetails};

pub use wasmtime::Engine;
pub use wasmtime::component::Component;

/// Address space reserved for each linear memory, in bytes; memory is used only as it grows.
/// Reason: a 32-bit index plus the guard never leaves it, so compiled code checks no bounds, and
/// growth cannot fail for want of address space but only at the plugin's limit.
pub const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;
/// Unmapped bytes after each linear memory. Reason: covers the constant offsets of all loads and
/// stores that compilers emit. An access into it traps.
pub const MEMORY_GUARD_BYTES: u64 = 32 << 20;
/// Stack that a guest's native code may use on the calling thread, in bytes. Deeper recursion
/// traps. Reason: a quarter of the smallest stack of the threads that call plugins.
pub const STACK_BYTES_MAX: usize = 512 << 10;

/// Why there is no engine: the host cannot run WebAssembly as this project needs it.
#[derive(Debug)]
pub struct EngineError(wasmtime::Error);

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot start the WebAssembly engine: {:#}", self.0)
    }
}

impl std::error::Error for EngineError {}

/// The settings. What is off is off because nothing here needs it, or because it would let equal
/// calls differ.
pub fn config() -> Config {
    let mut config = Config::new();
    // What bounds a call.
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX);
    // Components, called one at a time: without tasks a call costs half.
    config.wasm_component_model(true).concurrency_support(false);
    // Equal calls give equal answers. NaNs are made canonical where code is compiled, below.
    config.wasm_relaxed_simd(false);
    // A component of one core module and one memory needs none of these.
    config
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_tail_call(false)
        .wasm_stack_switching(false)
        .wasm_shared_everything_threads(false)
        .wasm_component_model_error_context(false)
        .wasm_component_model_gc(false)
        .wasm_component_model_map(false)
        .wasm_component_model_memory64(false)
        .wasm_component_model_fixed_length_lists(false)
        .gc_support(false)
        .shared_memory(false);
    // Memory: see the constants.
    config
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        .memory_may_move(false);
    // A fault is told by the panic hook's note. Nothing is read from the environment.
    config
        .wasm_backtrace_max_frames(None)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .generate_address_map(false);
    #[cfg(any(test, feature = "compiler"))]
    config
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(wasmtime::OptLevel::Speed);
    config
}

/// An engine with these settings. One per process.
///
/// # Errors
/// When the host cannot provide it, for instance without signal handlers.
pub fn engine() -> Result<Engine, EngineError> {
    Engine::new(&config()).map_err(EngineError)
}

/// Compiles a component for this machine. Its `serialize` is what an artifact carries.
///
/// # Errors
/// When the bytes are no valid component, or need what the settings turn off; the text says what.
#[cfg(any(test, feature = "compiler"))]
pub fn compile(engine: &Engine, component: &[u8]) -> Result<Component, String> {
    Component::from_binary(engine, component).map_err(|error| format!("{error:#}"))
}

/// Version of wasmtime that is linked: part of what decides whether the same component gives the
/// same answers. A test holds it against the lock file.
pub const WASMTIME_VERSION: &str = "48.0.8";

#[cfg(test)]
mod tests;
