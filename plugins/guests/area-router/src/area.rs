//! Areas on the globe, in latitude and longitude.

/// An area. Its edges belong to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// Between two parallels and two meridians. Across the antimeridian when `west` is east of
    /// `east`.
    Bounds {
        /// Least latitude, degrees north.
        south: f64,
        /// Meridian on which it begins, degrees east.
        west: f64,
        /// Greatest latitude, degrees north.
        north: f64,
        /// Meridian on which it ends, degrees east.
        east: f64,
    },
    /// Inside a ring of vertices (latitude, longitude), joined by lines that are straight in
    /// latitude and longitude, as on a chart of plain degrees. Not across the antimeridian.
    Polygon(Vec<(f64, f64)>),
}

impl Area {
    /// True if the position is in the area.
    pub fn holds(&self, lat_deg: f64, lon_deg: f64) -> bool {
        match self {
            Self::Bounds {
                south,
                west,
                north,
                east,
            } => {
                let from_west = lon_deg >= *west && lon_deg <= 180.0;
                let to_east = lon_deg <= *east && lon_deg >= -180.0;
                let between = if west <= east {
                    from_west && to_east
                } else {
                    from_west || to_east
                };
                between && (*south..=*north).contains(&lat_deg)
            }
            Self::Polygon(vertices) => in_polygon(vertices, lat_deg, lon_deg),
        }
    }
}

/// Counts the edges that a ray to the east crosses: an odd number means inside.
fn in_polygon(vertices: &[(f64, f64)], lat_deg: f64, lon_deg: f64) -> bool {
    let Some(mut from) = vertices.last() else {
        return false;
    };
    let mut inside = false;
    for to in vertices {
        let ((lat_a, lon_a), (lat_b, lon_b)) = (*from, *to);
        // Twice the area of the triangle of edge and position: its sign is the side.
        let side = (lon_b - lon_a) * (lat_deg - lat_a) - (lat_b - lat_a) * (lon_deg - lon_a);
        let (south, north) = (lat_a.min(lat_b), lat_a.max(lat_b));
        let (west, east) = (lon_a.min(lon_b), lon_a.max(lon_b));
        let in_box = (south..=north).contains(&lat_deg) && (west..=east).contains(&lon_deg);
        if side == 0.0 && in_box {
            return true;
        }
        // An edge holds its southern end and not its northern one, so that a ray through a vertex
        // counts once.
        if (lat_a > lat_deg) != (lat_b > lat_deg) && (side < 0.0) == (lat_b > lat_a) {
            inside = !inside;
        }
        from = to;
    }
    inside
}

#[cfg(test)]
mod tests;
