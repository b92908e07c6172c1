//! What a plugin says of itself.

/// What a plugin says of itself: its name, and the names by which it speaks of classes, causes,
/// rules and routes. Everywhere else in the SDK these are used by name.
///
/// At most 256 names of each kind, each 1 to 64 bytes of `a-z 0-9 - _ .`. Build it with
/// [`description!`](crate::description), which takes name and version from the plugin's manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Name of the plugin.
    pub name: &'static str,
    /// Version of the plugin, `major.minor.patch`.
    pub version: &'static str,
    /// A decoder keeps state between frames: `keys` is asked before `decode`.
    pub keyed: bool,
    /// Classes that a decoder writes, or that a validator or a router reads.
    pub classes: Vec<&'static str>,
    /// JSON Schema of the body per class; empty for a class that is only read.
    pub schemas: Vec<&'static str>,
    /// Causes of rejects, of a decoder.
    pub causes: Vec<&'static str>,
    /// Kinds of frames that a decoder passes over on purpose.
    pub skips: Vec<&'static str>,
    /// Security markings that a frame can carry.
    pub markings: Vec<&'static str>,
    /// Rules that an anomaly can break, of a validator.
    pub rules: Vec<&'static str>,
    /// Routes that a delivery can take, of a router.
    pub routes: Vec<&'static str>,
}

impl Description {
    /// A description with a name and a version, and nothing else.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            ..Self::default()
        }
    }

    /// The decoder keeps state between frames, under the keys that [`Decoder::keys`] gives.
    ///
    /// [`Decoder::keys`]: crate::Decoder::keys
    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// Adds a class that is written, with the JSON Schema of its body.
    pub fn class(mut self, name: &'static str, schema: &'static str) -> Self {
        self.classes.push(name);
        self.schemas.push(schema);
        self
    }

    /// Adds a class that is only read.
    pub fn reads(self, name: &'static str) -> Self {
        self.class(name, "")
    }

    /// Adds causes of rejects.
    pub fn causes(mut self, names: &[&'static str]) -> Self {
        self.causes.extend_from_slice(names);
        self
    }

    /// Adds kinds of frames that are passed over on purpose.
    pub fn skips(mut self, names: &[&'static str]) -> Self {
        self.skips.extend_from_slice(names);
        self
    }

    /// Adds security markings.
    pub fn markings(mut self, names: &[&'static str]) -> Self {
        self.markings.extend_from_slice(names);
        self
    }

    /// Adds rules.
    pub fn rules(mut self, names: &[&'static str]) -> Self {
        self.rules.extend_from_slice(names);
        self
    }

    /// Adds routes.
    pub fn routes(mut self, names: &[&'static str]) -> Self {
        self.routes.extend_from_slice(names);
        self
    }
}

/// Starts a [`Description`] with the name and the version of the plugin's own `Cargo.toml`.
#[macro_export]
macro_rules! description {
    () => {
        $crate::Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    };
}

/// Index of `name` in `names`.
///
/// # Panics
/// If the description does not have it: a mistake of the plugin, said by name.
pub(crate) fn index_of(kind: &str, names: &[&'static str], name: &str) -> u16 {
    // Nearly always it is the very constant of the description. Comparing bytes is a call on
    // WebAssembly, so that comes second.
    let place = names
        .iter()
        .position(|known| std::ptr::eq(*known, name))
        .or_else(|| names.iter().position(|known| *known == name));
    match place {
        Some(index) => u16::try_from(index).expect("a description holds at most 256 names"),
        None => panic!("{kind} {name:?} is not in the description"),
    }
}

/// Name of class `index`.
pub(crate) fn class_name(description: &Description, index: u16) -> &'static str {
    description
        .classes
        .get(usize::from(index))
        .expect("the host passes only classes of the description")
}
