//! What the three export macros need: one instance per component, and the worlds' functions.

use crate::bindings::host;
use crate::decoder::{Decoder, DecoderInstance};
use crate::packed::{self, Packed};
use crate::router::{Router, RouterInstance};
use crate::validator::{Validator, ValidatorInstance};
use crate::{Configuration, ConfigureError, Level};
use std::marker::PhantomData;

/// Where a component keeps its one instance. Implemented by the export macros.
#[doc(hidden)]
pub trait Slot<I>: Sized {
    /// Calls `call` with the slot.
    fn with<R>(call: impl FnOnce(&mut Option<I>) -> R) -> R;
}

/// A plugin as its world's exports.
#[doc(hidden)]
pub struct Component<P>(PhantomData<P>);

/// Leaves a line in the host's log; never part of an output. At most 1,024 bytes and 16 notes per
/// call are kept. Off WebAssembly it goes to standard error.
pub fn note(level: Level, text: &str) {
    if cfg!(target_family = "wasm") {
        host::note(level, text);
    } else {
        eprintln!("note ({level:?}): {text}");
    }
}

/// Says where and why a plugin gives up, before it traps: dead letters quote it.
fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("panic without a message");
            let text = match panic.location() {
                Some(place) => format!("panicked at {}:{}: {message}", place.file(), place.line()),
                None => format!("panicked: {message}"),
            };
            note(Level::Error, &text);
        }));
    });
}

fn configured<I, R>(slot: &mut Option<I>, call: impl FnOnce(&mut I) -> R) -> R {
    match slot {
        Some(instance) => call(instance),
        None => panic!("called before configure"),
    }
}

macro_rules! plugin_exports {
    ($world:ident, $role:ident, $instance:ident) => {
        impl<P: $role + Slot<$instance<P>>>
            crate::bindings::$world::exports::outrigger::plugin::plugin::Guest for Component<P>
        {
            fn describe() -> crate::bindings::$world::exports::outrigger::plugin::plugin::Description
            {
                report_panics();
                let said = P::describe();
                crate::bindings::$world::exports::outrigger::plugin::plugin::Description {
                    name: said.name.into(),
                    version: said.version.into(),
                    keyed: said.keyed,
                    classes: packed::names(said.classes),
                    schemas: packed::names(said.schemas),
                    causes: packed::names(said.causes),
                    skips: packed::names(said.skips),
                    markings: packed::names(said.markings),
                    rules: packed::names(said.rules),
                    routes: packed::names(said.routes),
                }
            }

            fn configure(
                parameters: Vec<u8>,
                names: Packed,
                files: Packed,
            ) -> Result<
                (),
                crate::bindings::$world::exports::outrigger::plugin::plugin::ConfigureError,
            > {
                use crate::bindings::$world::exports::outrigger::plugin::plugin as wit;
                report_panics();
                let configuration = Configuration::from_columns(parameters, &names, &files);
                match $instance::<P>::configure(&configuration) {
                    Ok(instance) => {
                        P::with(|slot| *slot = Some(instance));
                        Ok(())
                    }
                    Err(ConfigureError::Parameter(text)) => {
                        Err(wit::ConfigureError::Parameter(text))
                    }
                    Err(ConfigureError::Reference(text)) => {
                        Err(wit::ConfigureError::Reference(text))
                    }
                }
            }
        }
    };
}

plugin_exports!(decoder, Decoder, DecoderInstance);
plugin_exports!(validator, Validator, ValidatorInstance);
plugin_exports!(router, Router, RouterInstance);

mod decoder_exports {
    use super::*;
    use crate::bindings::decoder::exports::outrigger::plugin::decoder as wit;

    impl<P: Decoder + Slot<DecoderInstance<P>>> wit::Guest for Component<P> {
        fn keys(frames: wit::Frames) -> wit::FrameKeys {
            P::with(|slot| configured(slot, |instance| instance.keys(&frames)))
        }

        fn decode(now_ns: u64, frames: wit::Frames, states: wit::FrameStates) -> wit::Decoded {
            P::with(|slot| configured(slot, |instance| instance.decode(now_ns, &frames, states)))
        }

        fn expire(now_ns: u64, evicted: wit::Evicted) -> wit::Rejects {
            P::with(|slot| configured(slot, |instance| instance.expire(now_ns, &evicted)))
        }
    }
}

mod validator_exports {
    use super::*;
    use crate::bindings::validator::exports::outrigger::plugin::validator as wit;

    impl<P: Validator + Slot<ValidatorInstance<P>>> wit::Guest for Component<P> {
        fn validate(batch: wit::Batch) -> wit::Judgement {
            P::with(|slot| configured(slot, |instance| instance.validate(batch)))
        }

        fn expire(now_ns: u64, evicted: wit::Evicted) -> wit::Anomalies {
            P::with(|slot| configured(slot, |instance| instance.expire(now_ns, &evicted)))
        }
    }
}

mod router_exports {
    use super::*;
    use crate::bindings::router::exports::outrigger::plugin::router as wit;

    impl<P: Router + Slot<RouterInstance<P>>> wit::Guest for Component<P> {
        fn route(batch: wit::Batch) -> wit::Deliveries {
            P::with(|slot| configured(slot, |instance| instance.route(&batch)))
        }
    }
}

/// Makes a type that implements [`Decoder`](crate::Decoder) the component's decoder. Empty off
/// WebAssembly, so that a plugin is also an ordinary library.
#[macro_export]
macro_rules! export_decoder {
    ($plugin:ty) => {
        $crate::export_role!($plugin, decoder, DecoderInstance);
    };
}

/// Makes a type that implements [`Validator`](crate::Validator) the component's validator. Empty
/// off WebAssembly, so that a plugin is also an ordinary library.
#[macro_export]
macro_rules! export_validator {
    ($plugin:ty) => {
        $crate::export_role!($plugin, validator, ValidatorInstance);
    };
}

/// Makes a type that implements [`Router`](crate::Router) the component's router. Empty off
/// WebAssembly, so that a plugin is also an ordinary library.
#[macro_export]
macro_rules! export_router {
    ($plugin:ty) => {
        $crate::export_role!($plugin, router, RouterInstance);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export_role {
    ($plugin:ty, $world:ident, $instance:ident) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs, reason = "generated by wit-bindgen")]
        mod outrigger_export {
            use super::*;

            ::std::thread_local! {
                static SLOT: ::std::cell::RefCell<
                    ::std::option::Option<$crate::hidden::$instance<$plugin>>,
                > = const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            impl $crate::hidden::Slot<$crate::hidden::$instance<$plugin>> for $plugin {
                fn with<R>(
                    call: impl ::std::ops::FnOnce(
                        &mut ::std::option::Option<$crate::hidden::$instance<$plugin>>,
                    ) -> R,
                ) -> R {
                    SLOT.with_borrow_mut(call)
                }
            }

            type Exported = $crate::hidden::Component<$plugin>;
            $crate::bindings::$world::export!(Exported with_types_in $crate::bindings::$world);
        }
    };
}
