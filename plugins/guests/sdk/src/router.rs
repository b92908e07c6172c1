//! Routers: where messages go.

use crate::bindings::router::exports::outrigger::plugin::router as wit;
use crate::body::{Body, read_body};
use crate::description::{class_name, index_of};
use crate::packed;
use crate::{Configuration, ConfigureError, Description, Severity};

/// Deliveries of one message, at most.
pub const MESSAGE_DELIVERIES_MAX: usize = 8;
/// Body index of a delivery that carries the message's own body.
const OWN_BODY: u32 = u32::MAX;

/// A router says where messages go, and may rewrite what leaves. It remembers nothing.
pub trait Router: Sized + 'static {
    /// Body of the messages that it reads: [`Track`](crate::Track), a type of its own, or
    /// [`Fields`](crate::Fields) to change some fields of any class.
    type Body: Body;

    /// Name, classes that it reads, routes.
    fn describe() -> Description;

    /// Prepares an instance; see [`Validator::configure`](crate::Validator::configure).
    ///
    /// # Errors
    /// Says which parameter or reference file it cannot work with.
    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError>;

    /// Routes one message. Without a delivery it goes nowhere, and is counted as withheld.
    fn route(&mut self, message: &RoutedMessage<Self::Body>, out: &mut Deliveries);
}

/// A message to route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoutedMessage<'a, B> {
    /// Class, by its name in the description.
    pub class: &'static str,
    /// Highest severity among its anomalies; `None` when every validator let it pass.
    pub severity: Option<Severity>,
    /// Capture time of its last frame, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub event_ns: u64,
    /// Natural key.
    pub key: &'a str,
    /// Label, by its name in the deployment's configuration.
    pub label: &'a str,
    /// What it says.
    pub body: B,
}

/// Takes the deliveries of a message.
#[derive(Debug)]
pub struct Deliveries {
    routes: Vec<&'static str>,
    columns: wit::Deliveries,
    message: u32,
    message_deliveries: usize,
}

impl Deliveries {
    /// Delivers the message as it is.
    ///
    /// # Panics
    /// If the description lacks the route, or past [`MESSAGE_DELIVERIES_MAX`].
    pub fn deliver(&mut self, route: &str) {
        self.push(route, OWN_BODY);
    }

    /// Delivers the message with another body.
    ///
    /// # Panics
    /// As [`deliver`](Self::deliver).
    pub fn deliver_rewritten<B: Body>(&mut self, route: &str, body: &B) {
        let index = u32::try_from(packed::len(&self.columns.bodies))
            .expect("a batch counts far below 2^32");
        body.encode(&mut self.columns.bodies.bytes);
        packed::close(&mut self.columns.bodies);
        self.push(route, index);
    }

    fn push(&mut self, route: &str, body: u32) {
        assert!(
            self.message_deliveries < MESSAGE_DELIVERIES_MAX,
            "a message has at most {MESSAGE_DELIVERIES_MAX} deliveries"
        );
        self.message_deliveries += 1;
        self.columns.messages.push(self.message);
        self.columns
            .routes
            .push(index_of("route", &self.routes, route));
        self.columns.rewritten.push(body);
    }
}

/// A configured router, called with columns.
#[doc(hidden)]
pub struct RouterInstance<R> {
    plugin: R,
    description: Description,
}

impl<R: Router> RouterInstance<R> {
    pub(crate) fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self {
            plugin: R::configure(configuration)?,
            description: R::describe(),
        })
    }

    pub(crate) fn route(&mut self, batch: &wit::Batch) -> wit::Deliveries {
        let messages = batch.classes.len();
        let mut out = Deliveries {
            routes: self.description.routes.clone(),
            columns: wit::Deliveries {
                messages: Vec::with_capacity(messages),
                routes: Vec::with_capacity(messages),
                rewritten: Vec::with_capacity(messages),
                bodies: packed::empty(0),
            },
            message: 0,
            message_deliveries: 0,
        };
        let entries = packed::iter(&batch.bodies).zip(packed::iter(&batch.keys));
        for (index, (body, key)) in entries.enumerate() {
            let class = class_name(&self.description, batch.classes[index]);
            let message = RoutedMessage {
                class,
                severity: Severity::from_code(batch.severities[index]),
                captured_ns: batch.captured_ns[index],
                event_ns: batch.event_ns[index],
                key: std::str::from_utf8(key).expect("the host passes keys in UTF-8"),
                label: &batch.label,
                body: read_body::<R::Body>(class, body),
            };
            out.message = u32::try_from(index).expect("a batch counts far below 2^32");
            out.message_deliveries = 0;
            self.plugin.route(&message, &mut out);
        }
        out.columns
    }
}
