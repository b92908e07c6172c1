//! Typed calls over the WIT package, generated.
//!
//! One module per role, and one for what every role exports, so that a component is asked only
//! for the interfaces of its own role. The worlds here are the host's side of `wit/*.wit`.

/// Describing and configuring: exported by every plugin, whatever its role.
#[allow(missing_docs)]
pub mod common {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package outrigger:runtime;
            world common {
                import outrigger:plugin/host@1.0.0;
                export outrigger:plugin/plugin@1.0.0;
            }
        ",
        world: "outrigger:runtime/common",
        ownership: Borrowing { duplicate_if_necessary: true },
        require_store_data_send: true,
    });
}

/// The decoder's calls.
#[allow(missing_docs)]
pub mod decoder {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package outrigger:runtime;
            world decodes { export outrigger:plugin/decoder@1.0.0; }
        ",
        world: "outrigger:runtime/decodes",
        ownership: Borrowing { duplicate_if_necessary: true },
        require_store_data_send: true,
    });
}

/// The validator's calls.
#[allow(missing_docs)]
pub mod validator {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package outrigger:runtime;
            world validates { export outrigger:plugin/validator@1.0.0; }
        ",
        world: "outrigger:runtime/validates",
        ownership: Borrowing { duplicate_if_necessary: true },
        require_store_data_send: true,
    });
}

/// The router's calls.
#[allow(missing_docs)]
pub mod router {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package outrigger:runtime;
            world routes { export outrigger:plugin/router@1.0.0; }
        ",
        world: "outrigger:runtime/routes",
        ownership: Borrowing { duplicate_if_necessary: true },
        require_store_data_send: true,
    });
}
