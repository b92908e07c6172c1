//! Parameters: areas, what goes where, what is redacted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use outrigger_sdk::{Configuration, ConfigureError};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::CLASSES;
use crate::area::Area;

/// Areas, at most: a position is compared with one after the other. More are refused.
pub const AREAS_MAX: usize = 64;
/// Vertices of a polygon, at least.
pub const VERTICES_MIN: usize = 3;
/// Vertices of a polygon, at most: a position is compared with each edge. More are refused.
pub const VERTICES_MAX: usize = 256;
/// Redacted fields, at most. More are refused.
pub const REDACT_MAX: usize = 32;

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Inside an area.
    Inside,
    /// Outside all areas.
    Outside,
}

impl Route {
    /// Name of the route.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
        }
    }
}

/// Parameters of the plugin. At least one area is required.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The area, when there is one and it needs no name.
    pub area: Option<AreaParameters>,
    /// Areas by name: inside is inside any of them.
    #[serde(default)]
    pub areas: BTreeMap<String, AreaParameters>,
    /// Classes that have a route whatever their position.
    #[serde(default)]
    pub classes: BTreeMap<String, Route>,
    /// Where messages without a position go. By default inside: what may be the owner's stays.
    #[serde(default = "inside")]
    pub absent_route: Route,
    /// Fields of the body that are removed, by name; nested ones cannot be named.
    #[serde(default)]
    pub redact: BTreeSet<String>,
    /// The route on which they are removed: the one that leaves the owner's domain.
    #[serde(default = "outside")]
    pub redact_route: Route,
}

fn inside() -> Route {
    Route::Inside
}

fn outside() -> Route {
    Route::Outside
}

/// An area: either the four bounds, or a polygon. Degrees, WGS-84.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AreaParameters {
    /// Least latitude.
    pub south: Option<f64>,
    /// Meridian on which it begins; east of `east` for an area across the antimeridian.
    pub west: Option<f64>,
    /// Greatest latitude.
    pub north: Option<f64>,
    /// Meridian on which it ends.
    pub east: Option<f64>,
    /// Vertices as `[latitude, longitude]`; the last is joined to the first.
    pub polygon: Option<Vec<(f64, f64)>>,
}

impl Parameters {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// Names the parameter, its rule and its value.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let WithPath(parameters) = configuration.parameters::<WithPath<Self>>()?;
        parameters.check()?;
        Ok(parameters)
    }

    /// All areas.
    pub(crate) fn areas(&self) -> Vec<Area> {
        let areas = self.area.iter().chain(self.areas.values());
        areas.filter_map(AreaParameters::area).collect()
    }

    fn check(&self) -> Result<(), ConfigureError> {
        let areas = self.areas.len() + usize::from(self.area.is_some());
        if !(1..=AREAS_MAX).contains(&areas) {
            let rule = format!("1 to {AREAS_MAX} areas");
            return Err(ConfigureError::parameter("areas", &rule, areas));
        }
        if let Some(area) = &self.area {
            area.check("area")?;
        }
        for (name, area) in &self.areas {
            area.check(&format!("areas.{name}"))?;
        }
        let unknown = |class: &&String| !CLASSES.contains(&class.as_str());
        if let Some(class) = self.classes.keys().find(unknown) {
            let rule = format!("routes of {}", CLASSES.join(", "));
            return Err(ConfigureError::parameter("classes", &rule, class));
        }
        if self.redact.len() > REDACT_MAX {
            let rule = format!("at most {REDACT_MAX} fields");
            let fields = self.redact.len();
            return Err(ConfigureError::parameter("redact", &rule, fields));
        }
        Ok(())
    }
}

impl AreaParameters {
    fn area(&self) -> Option<Area> {
        if let Some(vertices) = &self.polygon {
            return Some(Area::Polygon(vertices.clone()));
        }
        Some(Area::Bounds {
            south: self.south?,
            west: self.west?,
            north: self.north?,
            east: self.east?,
        })
    }

    fn check(&self, path: &str) -> Result<(), ConfigureError> {
        let bounds = [
            ("south", self.south, 90.0),
            ("west", self.west, 180.0),
            ("north", self.north, 90.0),
            ("east", self.east, 180.0),
        ];
        let refuse = |name: &str, rule: &str, value: &dyn Display| {
            let path = format!("{path}.{name}");
            Err(ConfigureError::parameter(&path, rule, value))
        };
        if let Some(vertices) = &self.polygon {
            for (name, value, _) in bounds {
                if let Some(value) = value {
                    return refuse(name, "absent beside a polygon", &value);
                }
            }
            return check_polygon(vertices, &refuse);
        }
        for (name, value, limit) in bounds {
            match value {
                Some(value) if value.abs() <= limit => {}
                Some(value) => return refuse(name, &format!("-{limit} to {limit}"), &value),
                None => return refuse(name, "given, or a polygon", &"absent"),
            }
        }
        match (self.south, self.north) {
            (Some(south), Some(north)) if south > north => {
                refuse("south", &format!("at most north, {north}"), &south)
            }
            _ => Ok(()),
        }
    }
}

fn check_polygon(vertices: &[(f64, f64)], refuse: Refuse) -> Result<(), ConfigureError> {
    if !(VERTICES_MIN..=VERTICES_MAX).contains(&vertices.len()) {
        let rule = format!("{VERTICES_MIN} to {VERTICES_MAX} vertices");
        return refuse("polygon", &rule, &vertices.len());
    }
    let mut from = vertices[vertices.len() - 1];
    for (place, &(lat, lon)) in vertices.iter().enumerate() {
        let name = format!("polygon[{place}]");
        // Written so that a number that is none is refused.
        if !(lat.abs() <= 90.0 && lon.abs() <= 180.0) {
            let rule = "a latitude of -90 to 90 and a longitude of -180 to 180";
            return refuse(&name, rule, &format_args!("[{lat}, {lon}]"));
        }
        if (lon - from.1).abs() > 180.0 {
            let rule = "within 180 degrees of longitude of the vertex before, for a polygon cannot cross the antimeridian";
            return refuse(&name, rule, &format_args!("[{lat}, {lon}]"));
        }
        from = (lat, lon);
    }
    Ok(())
}

/// Refuses what is called so: name, rule, value.
type Refuse<'a> = &'a dyn Fn(&str, &str, &dyn Display) -> Result<(), ConfigureError>;

/// A value whose errors say where they are.
struct WithPath<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for WithPath<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_path_to_error::deserialize(deserializer)
            .map(Self)
            .map_err(D::Error::custom)
    }
}
