//! Mission segments. Source: AEDP-4607, edition A version 1, M1 to M7.

use outrigger_sdk::Text;

use crate::fault::{Cause, Fault};
use crate::read::Reader;
use crate::time::day_ns;

/// What a platform is flying for, and the day from which its times count.
#[derive(Clone, Copy, Debug)]
pub struct Mission {
    /// M1.
    pub plan: Option<Text>,
    /// M2.
    pub flight_plan: Option<Text>,
    /// M3: type of platform, a number of the standard's table.
    pub platform_type: u8,
    /// M4.
    pub platform_configuration: Option<Text>,
    /// M5, M6, M7: year, month, day (UTC).
    pub reference_date: (u16, u8, u8),
    /// The begin of that day, nanoseconds since the Unix epoch.
    pub reference_ns: u64,
}

impl Mission {
    /// Reads a segment's content.
    ///
    /// # Errors
    /// The first thing that is wrong; a date that is none is.
    pub fn read(reader: &mut Reader) -> Result<Self, Fault> {
        let plan = reader.text::<12>()?;
        let flight_plan = reader.text::<12>()?;
        let platform_type = reader.u8()?;
        let platform_configuration = reader.text::<10>()?;
        let fault = reader.fault(Cause::Value, "no date");
        let reference_date = (reader.u16()?, reader.u8()?, reader.u8()?);
        let (year, month, day) = reference_date;
        Ok(Self {
            plan,
            flight_plan,
            platform_type,
            platform_configuration,
            reference_date,
            reference_ns: day_ns(year, month, day).ok_or(fault)?,
        })
    }
}
