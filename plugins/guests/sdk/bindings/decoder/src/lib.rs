//! Bindings of the world `decoder-plugin`, generated from `wit/`. Generated code is the only code of
//! a guest that is `unsafe`.
//!
//! One crate per world: the generator exports one macro per interface, and all worlds share the
//! interface `plugin`.

wit_bindgen::generate!({
    path: "../../../../../wit",
    world: "decoder-plugin",
    pub_export_macro: true,
});
