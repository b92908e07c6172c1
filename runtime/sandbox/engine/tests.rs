//! Settings that keep equal calls equal.
#![allow(clippy::unwrap_used)]

use wasmtime::Store;
use wasmtime::component::Linker;

use super::*;

/// Bits of 0/0 as the guest sees them, in a component's text.
const NAN: &str = r#"(component
    (core module $code
        (func (export "nan") (param f32) (result i32)
            (i32.reinterpret_f32 (f32.div (local.get 0) (f32.const 0)))))
    (core instance $code (instantiate $code))
    (func (export "nan") (param "zero" f32) (result u32)
        (canon lift (core func $code "nan")))
)"#;

#[test]
fn nans_are_canonical() {
    let engine = engine().unwrap();
    let component = compile(&engine, &wat::parse_str(NAN).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(1_000).unwrap();
    store.set_epoch_deadline(1);
    let instance = Linker::new(&engine)
        .instantiate(&mut store, &component)
        .unwrap();
    let nan = instance
        .get_typed_func::<(f32,), (u32,)>(&mut store, "nan")
        .unwrap();
    // On x86 the bare division gives 0xffc0_0000.
    assert_eq!(nan.call(&mut store, (0.0,)).unwrap(), (0x7fc0_0000,));
}

#[test]
fn relaxed_simd_does_not_compile() {
    let text = r#"(component (core module
        (func (param v128 v128 v128) (result v128)
            (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))))"#;
    let error = compile(&engine().unwrap(), &wat::parse_str(text).unwrap())
        .err()
        .unwrap();
    assert!(error.contains("relaxed"), "{error}");
}
