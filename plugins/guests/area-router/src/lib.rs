//! Routes messages by area and class to two topics, and redacts what leaves.
//!
//! `parameters` reads the configuration, `area` says whether a position is inside. Each message
//! goes to exactly one route. Deliberately not here: judging the position, a validator's work.

mod area;
mod parameters;

use outrigger_sdk::{
    Configuration, ConfigureError, Deliveries, Description, Fields, RoutedMessage, Router,
    description, export_router,
};

pub use parameters::{
    AREAS_MAX, AreaParameters, Parameters, REDACT_MAX, Route, VERTICES_MAX, VERTICES_MIN,
};

/// Classes that are read: all that the decoders of this project write.
pub const CLASSES: [&str; 5] = [
    "track.sea",
    "track.air",
    "static.sea",
    "station.base",
    "aid.navigation",
];

/// The router, configured.
pub struct AreaRouter {
    parameters: Parameters,
    areas: Vec<area::Area>,
}

impl Router for AreaRouter {
    type Body = Fields;

    fn describe() -> Description {
        CLASSES
            .into_iter()
            .fold(description!(), Description::reads)
            .routes(&[Route::Inside.name(), Route::Outside.name()])
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters = Parameters::read(configuration)?;
        Ok(Self {
            areas: parameters.areas(),
            parameters,
        })
    }

    fn route(&mut self, message: &RoutedMessage<Fields>, out: &mut Deliveries) {
        let route = self.route_of(message);
        let body = &message.body;
        let redact = &self.parameters.redact;
        let redacts =
            route == self.parameters.redact_route && redact.iter().any(|field| body.has(field));
        if redacts {
            let names: Vec<&str> = redact.iter().map(String::as_str).collect();
            out.deliver_rewritten(route.name(), &body.without(&names));
        } else {
            out.deliver(route.name());
        }
    }
}

impl AreaRouter {
    fn route_of(&self, message: &RoutedMessage<Fields>) -> Route {
        if let Some(route) = self.parameters.classes.get(message.class) {
            return *route;
        }
        let body = &message.body;
        let position = body.number("lat_deg").zip(body.number("lon_deg"));
        match position {
            // A position that is none, such as latitude 91, is in no area.
            Some((lat_deg, lon_deg)) => {
                match self.areas.iter().any(|area| area.holds(lat_deg, lon_deg)) {
                    true => Route::Inside,
                    false => Route::Outside,
                }
            }
            None => self.parameters.absent_route,
        }
    }
}

export_router!(AreaRouter);
