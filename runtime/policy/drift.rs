//! What a plugin's messages cost, by class, and whether that has drifted from a baseline.
//!
//! A batch holds messages of several classes, and fuel is counted for the call. [`Fit`] gathers, batch
//! by batch, how much fuel so many messages of each class took, as the normal equations of a least
//! squares fit: `fuel ≈ c₀ · calls + Σ cₖ · messages of class k`. Solved with a prior, the baseline,
//! towards which everything is drawn that the batches do not tell: classes that always come together
//! keep the baseline's proportion.
//!
//! Floats are allowed here: what comes of it is a warning to people. No message takes another way for
//! it, and a re-run need not repeat it.

/// Terms of a fit: one for calls, one for rows without a message, one for each class. A plugin with
/// more classes has the last ones counted together. Reason: a matrix of 10 KiB a plugin.
pub const TERMS_MAX: usize = 34;
/// Term of the calls.
pub const CALLS: usize = 0;
/// Term of rows without a message: skipped and rejected frames, and parts of a message.
pub const BARE: usize = 1;
/// Term of a plugin's first class.
pub const FIRST_CLASS: usize = 2;
/// Messages of a class before it is judged. Reason: content varies; the mean of a few hundred does by
/// a few hundredths.
pub const MESSAGES_MIN: f64 = 500.0;
/// Weight of the prior against the batches: what a thousandth of them would weigh.
const PRIOR_WEIGHT: f64 = 1e-3;

/// What was observed of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    terms: usize,
    /// Sums of products of two terms, row by row.
    products: Vec<f64>,
    /// Sums of products of a term and the fuel.
    by_fuel: Vec<f64>,
    /// Sums of the terms: calls, bare rows, messages by class.
    sums: Vec<f64>,
    fuel: f64,
}

/// Term of a plugin's class, by its index in the plugin's description.
pub fn term_of(class: usize) -> usize {
    (FIRST_CLASS + class).min(TERMS_MAX - 1)
}

impl Fit {
    /// Nothing observed, of a plugin with so many classes.
    pub fn new(classes: usize) -> Self {
        let terms = (FIRST_CLASS + classes).min(TERMS_MAX);
        Self {
            terms,
            products: vec![0.0; terms * terms],
            by_fuel: vec![0.0; terms],
            sums: vec![0.0; terms],
            fuel: 0.0,
        }
    }

    /// Adds a batch: by term, how many; and the fuel of all. Terms beyond the plugin's are passed over.
    pub fn observe(&mut self, counts: &[u32], fuel: u64) {
        let fuel = fuel as f64;
        self.fuel += fuel;
        for (row, &count) in counts.iter().enumerate().take(self.terms) {
            if count == 0 {
                continue;
            }
            let count = f64::from(count);
            self.sums[row] += count;
            self.by_fuel[row] += count * fuel;
            for (column, &other) in counts.iter().enumerate().take(self.terms) {
                self.products[row * self.terms + column] += count * f64::from(other);
            }
        }
    }

    /// What was observed since an earlier state of the same fit.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        if earlier.terms != self.terms {
            return self.clone();
        }
        let less = |now: &[f64], then: &[f64]| {
            let pairs = now.iter().zip(then);
            pairs.map(|(now, then)| now - then).collect()
        };
        Self {
            terms: self.terms,
            products: less(&self.products, &earlier.products),
            by_fuel: less(&self.by_fuel, &earlier.by_fuel),
            sums: less(&self.sums, &earlier.sums),
            fuel: self.fuel - earlier.fuel,
        }
    }

    /// How often each term was seen.
    pub fn counts(&self) -> &[f64] {
        &self.sums
    }

    /// Fuel of all.
    pub fn fuel(&self) -> f64 {
        self.fuel
    }

    /// Fuel by term. Without a prior the same for a row of every kind: the mean. A term that was never
    /// seen has the prior's.
    pub fn costs(&self, prior: Option<&[f64]>) -> Vec<f64> {
        let rows: f64 = self.sums[BARE..].iter().sum();
        let mean = if rows > 0.0 { self.fuel / rows } else { 0.0 };
        let prior: Vec<f64> = (0..self.terms)
            .map(|term| match prior.and_then(|prior| prior.get(term)) {
                Some(&cost) => cost,
                None if term == CALLS => 0.0,
                None => mean,
            })
            .collect();
        let mut matrix = self.products.clone();
        let mut right = self.by_fuel.clone();
        for term in 0..self.terms {
            let at = term * self.terms + term;
            let weight = match self.products[at] {
                seen if seen > 0.0 => PRIOR_WEIGHT * seen,
                _ => 1.0,
            };
            matrix[at] += weight;
            right[term] += weight * prior[term];
        }
        solve(&mut matrix, &mut right);
        right
    }
}

/// Gaussian elimination with pivots; the matrix is positive definite. `right` becomes the solution.
fn solve(matrix: &mut [f64], right: &mut [f64]) {
    let size = right.len();
    for step in 0..size {
        let largest = (step..size).max_by(|&a, &b| {
            let of = |row: usize| matrix[row * size + step].abs();
            of(a).total_cmp(&of(b))
        });
        let pivot = largest.unwrap_or(step);
        if pivot != step {
            for column in 0..size {
                matrix.swap(step * size + column, pivot * size + column);
            }
            right.swap(step, pivot);
        }
        let divisor = matrix[step * size + step];
        for row in step + 1..size {
            let factor = matrix[row * size + step] / divisor;
            for column in step..size {
                matrix[row * size + column] -= factor * matrix[step * size + column];
            }
            right[row] -= factor * right[step];
        }
    }
    for step in (0..size).rev() {
        let known: f64 = (step + 1..size)
            .map(|column| matrix[step * size + column] * right[column])
            .sum();
        right[step] = (right[step] - known) / matrix[step * size + step];
    }
}

/// A cost that has drifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// The term, or none for all that the plugin does together.
    pub term: Option<usize>,
    /// Fuel for each, by the baseline; of all, what this traffic would have cost.
    pub baseline: f64,
    /// Fuel for each, as it is; of all, what it did cost.
    pub live: f64,
}

impl Drift {
    /// How much dearer, permille of the baseline.
    pub fn permille(&self) -> u64 {
        ((self.live / self.baseline.max(1.0) - 1.0) * 1_000.0).max(0.0) as u64
    }
}

/// What is dearer than the baseline by more than `permille`: the plugin as a whole, for the messages
/// that there were, and classes of which there were enough. A class is only named if the plugin as a
/// whole is dearer by what that class would make of it, less a half: what the fit ascribes to one
/// class it may have taken from another, and then nothing is dearer.
///
/// What the baseline has no cost for was not in its traffic, and is not judged: its share of the fuel is
/// left out of the whole. Where nothing tells its share from others', it is taken for all that is dearer.
pub fn drift(baseline: &[f64], live: &Fit, permille: u64) -> Vec<Drift> {
    let counts = live.counts();
    let expected: f64 = baseline
        .iter()
        .zip(counts)
        .map(|(cost, count)| cost * count)
        .sum();
    if expected <= 0.0 || baseline.len() != counts.len() {
        return Vec::new();
    }
    let is_new = |term: usize| term >= BARE && baseline[term] <= 0.0;
    let (new, known): (Vec<usize>, Vec<usize>) = (BARE..counts.len()).partition(|&t| is_new(t));
    let sum = |terms: &[usize]| terms.iter().map(|&term| counts[term]).sum::<f64>();
    let each = (live.fuel() - expected).max(0.0) / sum(&new).max(1.0);
    let mut prior = baseline.to_vec();
    for &term in &new {
        prior[term] = each;
    }
    let costs = live.costs(Some(&prior));
    let of_new = new.iter().map(|&term| costs[term].max(0.0) * counts[term]);
    let fuel = live.fuel() - of_new.sum::<f64>();
    if sum(&known) < MESSAGES_MIN {
        return Vec::new();
    }
    let allowed = 1.0 + permille as f64 / 1_000.0;
    let mut drifts = Vec::new();
    if fuel > expected * allowed {
        drifts.push(Drift {
            term: None,
            baseline: expected,
            live: fuel,
        });
    }
    for term in known {
        let (before, now, count) = (baseline[term], costs[term], counts[term]);
        let more = (now - before) * count;
        let shows = fuel - expected > more / 2.0;
        if count >= MESSAGES_MIN && now > before * allowed && shows {
            drifts.push(Drift {
                term: Some(term),
                baseline: before,
                live: now,
            });
        }
    }
    drifts
}

#[cfg(test)]
mod tests;
