//! Relative paths start from the configuration's directory.

use std::path::{Component, Path, PathBuf};

/// Where relative paths start.
pub(super) struct Paths {
    base: PathBuf,
}

impl Paths {
    pub(super) fn new(file: &Path) -> Self {
        let parent = file.parent().unwrap_or(Path::new(""));
        let base = std::path::absolute(parent).unwrap_or_else(|_| parent.to_owned());
        // An empty parent is the working directory, for which `absolute` has no answer.
        let base = if parent.as_os_str().is_empty() {
            std::env::current_dir().unwrap_or_default()
        } else {
            base
        };
        Self { base }
    }

    /// The path, absolute, without `.` and `..`, symbolic links followed as far as it exists.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        let mut plain = PathBuf::new();
        for part in self.base.join(path).components() {
            match part {
                Component::CurDir => {}
                // A link's parent is not the directory it stands in, so it is followed first.
                Component::ParentDir => {
                    plain = plain.canonicalize().unwrap_or(plain);
                    plain.pop();
                }
                Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                    plain.push(part);
                }
            }
        }
        for ancestor in plain.ancestors() {
            if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), plain.strip_prefix(ancestor)) {
                // Joining nothing would leave a slash behind.
                return if rest.as_os_str().is_empty() {
                    real
                } else {
                    real.join(rest)
                };
            }
        }
        plain
    }
}
