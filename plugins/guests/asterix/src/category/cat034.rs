//! CAT034, monoradar service messages. Source: EUROCONTROL-SPEC-0149-2b, Part 2b, editions 1.27 to 1.29.
//!
//! An entry per field reference number of the user application profile; its key names the data
//! item, `i034_010` for I034/010, which is its heading in the specification's section 5.2.
#![cfg_attr(rustfmt, rustfmt_skip)] // a field a line, as in the specification's tables

use crate::table::*;

/// Items by field reference number, counted from 0.
pub const ITEMS: &[Option<Item>] = &[
    Some(fixed("i034_010", "Data Source Identifier", &[code("sac", 8, "System Area Code"), code("sic", 8, "System Identification Code")])),
    Some(fixed("i034_000", "Message Type", &[code("message_type", 8, "Message Type, values as in the item")])),
    Some(fixed("i034_030", "Time of Day", &[unsigned("time_s", 24, 1.0, P7, "Time of Day")])),
    Some(fixed("i034_020", "Sector Number", &[unsigned("sector_deg", 8, 180.0, P7, "Sector Number")])),
    Some(fixed("i034_041", "Antenna Rotation Speed", &[unsigned("rotation_s", 16, 1.0, P7, "Antenna Rotation Speed")])),
    Some(compound("i034_050", "System Configuration and Status", &[
        Some(fixed("com", "Common Part", &[
            code("nogo", 1, "Operational Release Status of the System: 0 system is released for operational use, 1 operational use of System is inhibited, i.e. the data shall be discarded by an operational SDPS"),
            code("rdpc", 1, "Radar Data Processor Chain Selection Status: 0 RDPC-1 selected, 1 RDPC-2 selected"),
            code("rdpr", 1, "Event to Signal a Reset/restart of the Selected Radar Data Processor Chain, I.e. Expect a New Assignment of Track Numbers: 0 default situation, 1 reset of RDPC"),
            code("ovlrdp", 1, "Radar Data Processor Overload Indicator: 0 default, no overload, 1 overload in RDP"),
            code("ovlxmt", 1, "Transmission Subsystem Overload Status: 0 default, no overload, 1 overload in transmission subsystem"),
            code("msc", 1, "Monitoring System Connected Status: 0 monitoring system connected, 1 monitoring system disconnected"),
            code("tsv", 1, "Time Source Validity: 0 valid, 1 invalid"),
            spare(1),
        ])),
        None,
        None,
        Some(fixed("psr", "Specific Status Information for a PSR Sensor", &[
            code("ant", 1, "Selected Antenna: 0 antenna 1, 1 antenna 2"),
            code("chab", 2, "Channel A/B Selection Status: 0 no channel selected, 1 channel A only selected, 2 channel B only selected, 3 diversity mode ; Channel A and B selected"),
            code("ovl", 1, "Overload Condition: 0 no overload, 1 overload"),
            code("msc", 1, "Monitoring System Connected Status: 0 monitoring system connected, 1 monitoring system disconnected"),
            spare(3),
        ])),
        Some(fixed("ssr", "Specific Status Information for a SSR Sensor", &[
            code("ant", 1, "Selected Antenna: 0 antenna 1, 1 antenna 2"),
            code("chab", 2, "Channel A/B Selection Status: 0 no channel selected, 1 channel A only selected, 2 channel B only selected, 3 invalid combination"),
            code("ovl", 1, "Overload Condition: 0 no overload, 1 overload"),
            code("msc", 1, "Monitoring System Connected Status: 0 monitoring system connected, 1 monitoring system disconnected"),
            spare(3),
        ])),
        Some(fixed("mds", "Specific Status Information for a Mode S Sensor", &[
            code("ant", 1, "Selected Antenna: 0 antenna 1, 1 antenna 2"),
            code("chab", 2, "Channel A/B Selection Status: 0 no channel selected, 1 channel A only selected, 2 channel B only selected, 3 illegal combination"),
            code("ovlsur", 1, "Overload Condition: 0 no overload, 1 overload"),
            code("msc", 1, "Monitoring System Connected Status: 0 monitoring system connected, 1 monitoring system disconnected"),
            code("scf", 1, "Channel A/B Selection Status for Surveillance Co-ordination Function: 0 channel A in use, 1 channel B in use"),
            code("dlf", 1, "Channel A/B Selection Status for Data Link Function: 0 channel A in use, 1 channel B in use"),
            code("ovlscf", 1, "Overload in Surveillance Co-ordination Function: 0 no overload, 1 overload"),
            code("ovldlf", 1, "Overload in Data Link Function: 0 no overload, 1 overload"),
            spare(7),
        ])),
    ])),
    Some(compound("i034_060", "System Processing Mode", &[
        Some(fixed("com", "Common Part", &[
            spare(1),
            code("redrdp", 3, "Reduction Steps in Use for An Overload of the RDP, values as in the item"),
            code("redxmt", 3, "Reduction Steps in Use for An Overload of the Transmission Subsystem, values as in the item"),
            spare(1),
        ])),
        None,
        None,
        Some(fixed("psr", "Specific Processing Mode Information for a PSR Sensor", &[
            code("pol", 1, "Polarization in Use by PSR: 0 linear polarization, 1 circular polarization"),
            code("redrad", 3, "Reduction Steps in Use as Result of An Overload Within the PSR Subsystem, values as in the item"),
            code("stc", 2, "Sensitivity Time Control Map in Use: 0 STC Map-1, 1 STC Map-2, 2 STC Map-3, 3 STC Map-4"),
            spare(2),
        ])),
        Some(fixed("ssr", "Specific Processing Mode Information for a SSR Sensor", &[
            code("redrad", 3, "Reduction Steps in Use as Result of An Overload Within the SSR Subsystem, values as in the item"),
            spare(5),
        ])),
        Some(fixed("mds", "Specific Processing Mode Information for a Mode S Sensor", &[
            code("redrad", 3, "Reduction Steps in Use as Result of An Overload Within the Mode S Subsystem, values as in the item"),
            code("clu", 1, "Cluster State: 0 autonomous, 1 not autonomous"),
            spare(4),
        ])),
    ])),
    Some(repeated("i034_070", "Message Count Values", &[
        code("typ", 5, "Type of Message Counter, values as in the item"),
        code("count", 11, "COUNTER"),
    ])),
    Some(fixed("i034_100", "Generic Polar Window", &[
        unsigned("rhost_nmi", 16, 1.0, P8, "Rho Start"),
        unsigned("rhoend_nmi", 16, 1.0, P8, "Rho End"),
        unsigned("thetast_deg", 16, 180.0, P15, "Theta Start"),
        unsigned("thetaend_deg", 16, 180.0, P15, "Theta End"),
    ])),
    Some(fixed("i034_110", "Data Filter", &[code("filter", 8, "Data Filter, values as in the item")])),
    Some(fixed("i034_120", "3D-Position Of Data Source", &[
        signed("hgt_m", 16, 1.0, 1.0, "Height of Data Source"),
        signed("lat_deg", 24, 180.0, P23, "Latitude"),
        signed("lon_deg", 24, 180.0, P23, "Longitude"),
    ])),
    Some(fixed("i034_090", "Collimation Error", &[signed("rng_nmi", 8, 1.0, P7, "Range Error"), signed("azm_deg", 8, 180.0, P13, "Azimuth Error")])),
    Some(explicit("i034_re", "Reserved Expansion Field")),
    Some(explicit("i034_sp", "Special Purpose Field")),
];
