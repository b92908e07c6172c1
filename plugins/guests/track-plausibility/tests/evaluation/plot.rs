//! Plots, as SVG text.

use svg::Document;
use svg::node::element::{Polyline, Rectangle, Text};

use super::faults::Kind;
use super::run::Outcome;
use super::tables::trials;
use super::tracks::Half;

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 30.0;
const COLOURS: [&str; 5] = ["#1f5fa8", "#c4462b", "#2c8a4b", "#8a5aa8", "#8a6d1f"];

/// Share found within three reports over size, logarithmic, one line a fault.
pub fn detection(outcome: &Outcome, domain: &'static str, half: Half) -> String {
    let kinds = [
        Kind::OffsetOnce,
        Kind::OffsetLasting,
        Kind::Noise,
        Kind::SpeedRamp,
        Kind::AltitudeRamp,
    ];
    let x = |size: f64| LEFT + (size.log10() + 0.5) / 5.0 * (WIDTH - LEFT - 20.0);
    let y = |share: f64| TOP + (1.0 - share) * (HEIGHT - TOP - 50.0);
    let mut document = Document::new()
        .set("viewBox", (0, 0, WIDTH as i32, HEIGHT as i32))
        .set("font-family", "sans-serif")
        .set("font-size", 11)
        .add(
            Rectangle::new()
                .set("width", WIDTH)
                .set("height", HEIGHT)
                .set("fill", "#ffffff"),
        )
        .add(text(
            LEFT,
            16.0,
            &format!("Found within three reports, {domain}, by size"),
        ));
    for share in [0.0, 0.5, 0.95, 1.0] {
        document = document
            .add(line(
                &[(LEFT, y(share)), (WIDTH - 20.0, y(share))],
                "#d0d0d0",
                1.0,
            ))
            .add(text(
                8.0,
                y(share) + 4.0,
                &format!("{:.0} %", 100.0 * share),
            ));
    }
    for power in 0..5 {
        let size = 10_f64.powi(power);
        document = document
            .add(line(
                &[(x(size), y(0.0)), (x(size), y(1.0))],
                "#e4e4e4",
                1.0,
            ))
            .add(text(x(size) - 8.0, y(0.0) + 16.0, &format!("{size}")));
    }
    for (kind, colour) in kinds.into_iter().zip(COLOURS) {
        let points: Vec<(f64, f64)> = kind
            .sizes(domain)
            .iter()
            .enumerate()
            .filter_map(|(index, size)| {
                let trials = trials(outcome, domain, kind, index, half);
                (trials.trials > 0).then(|| (x(*size), y(trials.found_by(3))))
            })
            .collect();
        let place = kinds.iter().position(|one| *one == kind).unwrap_or(0) as f64;
        if points.is_empty() {
            continue;
        }
        document = document.add(line(&points, colour, 2.0)).add(
            text(
                LEFT + 4.0 + 112.0 * place,
                HEIGHT - 10.0,
                &format!("{} ({})", short(kind), kind.unit()),
            )
            .set("fill", colour),
        );
    }
    document.to_string() + "\n"
}

fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::OffsetOnce => "offset once",
        Kind::OffsetLasting => "offset lasting",
        Kind::Noise => "noise",
        Kind::SpeedRamp => "speed ramp",
        _ => "altitude ramp",
    }
}

fn text(x: f64, y: f64, content: &str) -> Text {
    Text::new(content)
        .set("x", (x * 10.0).round() / 10.0)
        .set("y", (y * 10.0).round() / 10.0)
}

fn line(points: &[(f64, f64)], colour: &str, width: f64) -> Polyline {
    let points: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    Polyline::new()
        .set("points", points.join(" "))
        .set("fill", "none")
        .set("stroke", colour)
        .set("stroke-width", width)
}
