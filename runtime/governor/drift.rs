//! What of a run costs more than its baseline, as the status shows it.

/// A cost that has drifted.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftView {
    /// The plugin; empty for the process as a whole.
    pub plugin: String,
    /// The class; empty for all that the plugin does; `CPU` for the process.
    pub what: String,
    /// What it cost by the baseline: fuel of a message, fuel of the window's messages for a plugin as a
    /// whole, nanoseconds of a message for CPU.
    pub baseline: f64,
    /// What it costs.
    pub live: f64,
    /// How much dearer, permille.
    pub permille: u64,
    /// Since when it is said, nanoseconds since the Unix epoch.
    pub since_ns: u64,
}

impl DriftView {
    /// What tells it from others.
    pub fn key(&self) -> (String, String) {
        (self.plugin.clone(), self.what.clone())
    }
}

impl std::fmt::Display for DriftView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            plugin,
            what,
            permille,
            ..
        } = self;
        let percent = format!("{}.{} %", permille / 10, permille % 10);
        let each = format!("{:.0} for {:.0}", self.live, self.baseline);
        match (plugin.as_str(), what.as_str()) {
            ("", _) => write!(
                f,
                "CPU of a message is {percent} above its baseline, {each} ns"
            ),
            (_, "") => write!(
                f,
                "plugin {plugin} costs {percent} more fuel than its baseline"
            ),
            (_, class) => write!(
                f,
                "plugin {plugin} costs {percent} more fuel than its baseline for {class}, {each} a \
                 message"
            ),
        }
    }
}
