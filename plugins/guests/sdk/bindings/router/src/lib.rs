//! Bindings of the world `router-plugin`, generated from `wit/`. Generated code is the only code of
//! a guest that is `unsafe`.
//!
//! One crate per world: the generator exports one macro per interface, and all worlds share the
//! interface `plugin`.

wit_bindgen::generate!({
    path: "../../../../../wit",
    world: "router-plugin",
    pub_export_macro: true,
    with: {
        "outrigger:plugin/types@1.0.0": outrigger_bindings_decoder::outrigger::plugin::types,
        "outrigger:plugin/host@1.0.0": outrigger_bindings_decoder::outrigger::plugin::host,
    },
});
