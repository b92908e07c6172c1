//! Security labels: a partial order, its dominance and its joins.
//!
//! What always holds: the order has no cycle, and any two labels have exactly one least upper
//! bound, their join. So a message made from several sources has one label, and it dominates all
//! of them. Both relations are tables, made once.

use crate::limits::LABELS_MAX;

/// Name of the only label when the configuration has none.
pub const UNLABELLED: &str = "unlabelled";

/// A label, as an index into [`Labels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(u8);

impl LabelId {
    /// The index, below [`Labels::len`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why labels are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelsError {
    /// More than [`LABELS_MAX`]; so many there are.
    TooMany(usize),
    /// A label that would be above itself: the cycle, its first label repeated at its end.
    Cycle(Vec<String>),
    /// Two labels with no label above both.
    NoJoin(String, String),
    /// Two labels with several least labels above both: these.
    ManyJoins(String, String, Vec<String>),
}

impl std::fmt::Display for LabelsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooMany(count) => write!(f, "at most {LABELS_MAX} labels, are {count}"),
            Self::Cycle(names) => {
                write!(f, "a label cannot be above itself: {}", names.join(" < "))
            }
            Self::NoJoin(a, b) => write!(
                f,
                "{a} and {b} have no label above both, so nothing could hold what is made from both"
            ),
            Self::ManyJoins(a, b, joins) => write!(
                f,
                "{a} and {b} have no single least label above both: {} are not ordered",
                joins.join(" and ")
            ),
        }
    }
}

impl std::error::Error for LabelsError {}

/// The labels of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    /// Per label, one bit per label that dominates it, its own included.
    above: Vec<u32>,
    /// Join of labels `a` and `b` at `a * len + b`.
    joins: Vec<LabelId>,
}

impl Default for Labels {
    /// One label, [`UNLABELLED`].
    fn default() -> Self {
        Self {
            names: vec![UNLABELLED.to_owned()],
            above: vec![1],
            joins: vec![LabelId(0)],
        }
    }
}

impl Labels {
    /// Builds the order from chains of names, lowest first. Labels are numbered as they first
    /// appear. No chain at all gives [`Labels::default`].
    ///
    /// # Errors
    /// Names the cycle, or each pair without a join.
    pub fn new(chains: &[Vec<String>]) -> Result<Self, Vec<LabelsError>> {
        let mut names: Vec<String> = Vec::new();
        let mut pairs = Vec::new();
        for chain in chains {
            let mut below = None;
            for name in chain {
                let at = names
                    .iter()
                    .position(|known| known == name)
                    .unwrap_or_else(|| {
                        names.push(name.clone());
                        names.len() - 1
                    });
                if let Some(below) = below {
                    pairs.push((below, at));
                }
                below = Some(at);
            }
        }
        if names.is_empty() {
            return Ok(Self::default());
        }
        if names.len() > LABELS_MAX {
            return Err(vec![LabelsError::TooMany(names.len())]);
        }
        if let Some(cycle) = find_cycle(names.len(), &pairs) {
            let cycle = cycle.into_iter().map(|at| names[at].clone()).collect();
            return Err(vec![LabelsError::Cycle(cycle)]);
        }
        let above = close(names.len(), &pairs);
        let joins = join_all(&names, &above)?;
        Ok(Self {
            names,
            above,
            joins,
        })
    }

    /// Number of labels, 1 to [`LABELS_MAX`].
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: there is always a label.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The label of this name.
    pub fn find(&self, name: &str) -> Option<LabelId> {
        let at = self.names.iter().position(|known| known == name)?;
        u8::try_from(at).ok().map(LabelId)
    }

    /// The label's name.
    pub fn name(&self, label: LabelId) -> &str {
        &self.names[label.index()]
    }

    /// All labels, in order of number.
    pub fn ids(&self) -> impl Iterator<Item = LabelId> + use<> {
        ids(self.names.len())
    }

    /// The only label, when there is just one.
    pub fn sole(&self) -> Option<LabelId> {
        (self.names.len() == 1).then_some(LabelId(0))
    }

    /// True when what carries `low` may go where `high` is: `high` is above `low`, or the same.
    pub fn dominates(&self, high: LabelId, low: LabelId) -> bool {
        self.above[low.index()] & bit(high.index()) != 0
    }

    /// The least label that dominates both.
    pub fn join(&self, a: LabelId, b: LabelId) -> LabelId {
        self.joins[a.index() * self.names.len() + b.index()]
    }
}

fn bit(index: usize) -> u32 {
    1 << index
}

fn ids(count: usize) -> impl Iterator<Item = LabelId> {
    // `count` is at most LABELS_MAX.
    (0..count as u8).map(LabelId)
}

/// Transitive and reflexive closure of `pairs` (lower, higher), free of cycles.
fn close(count: usize, pairs: &[(usize, usize)]) -> Vec<u32> {
    let mut above: Vec<u32> = (0..count).map(bit).collect();
    // One round per step of the longest chain.
    for _ in 0..count {
        for &(low, high) in pairs {
            above[low] |= above[high];
        }
    }
    above
}

fn join_all(names: &[String], above: &[u32]) -> Result<Vec<LabelId>, Vec<LabelsError>> {
    let count = names.len();
    let mut joins = Vec::with_capacity(count * count);
    let mut errors = Vec::new();
    for a in 0..count {
        for b in 0..count {
            let upper = above[a] & above[b];
            // The least ones: upper bounds that no other upper bound is below.
            let least: Vec<LabelId> = ids(count)
                .filter(|id| upper & bit(id.index()) != 0)
                .filter(|id| {
                    !ids(count).any(|other| {
                        other != *id
                            && upper & bit(other.index()) != 0
                            && above[other.index()] & bit(id.index()) != 0
                    })
                })
                .collect();
            match least.as_slice() {
                [join] => joins.push(*join),
                _ if b < a => {}
                [] => errors.push(LabelsError::NoJoin(names[a].clone(), names[b].clone())),
                several => errors.push(LabelsError::ManyJoins(
                    names[a].clone(),
                    names[b].clone(),
                    several.iter().map(|id| names[id.index()].clone()).collect(),
                )),
            }
        }
    }
    if errors.is_empty() {
        Ok(joins)
    } else {
        Err(errors)
    }
}

/// A cycle in a directed graph of `count` nodes, its first node repeated at its end.
pub(crate) fn find_cycle(count: usize, edges: &[(usize, usize)]) -> Option<Vec<usize>> {
    // Remove nodes without a way out until none is left: every node that stays has a way out to
    // one that stays, so walking on from any of them runs into a cycle.
    let mut stays = vec![true; count];
    let mut changed = true;
    while changed {
        changed = false;
        for node in 0..count {
            let leads_on = edges.iter().any(|&(from, to)| from == node && stays[to]);
            if stays[node] && !leads_on {
                stays[node] = false;
                changed = true;
            }
        }
    }
    let mut path = vec![stays.iter().position(|&stays| stays)?];
    loop {
        let last = path[path.len() - 1];
        let &(_, next) = edges
            .iter()
            .find(|&&(from, to)| from == last && stays[to])?;
        if let Some(start) = path.iter().position(|&node| node == next) {
            path.drain(..start);
            path.push(next);
            return Some(path);
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests;
