//! A trace as a plot: CPU and memory against their budgets, traffic, and latency, over time.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    BLACK, BLUE, Cartesian2d, ChartBuilder, ChartContext, DrawingArea, GREEN, IntoDrawingArea,
    IntoFont, LineSeries, MAGENTA, PathElement, RED, RGBColor, SVGBackend, WHITE,
};

use crate::trace::{Second, Trace};

/// Size, pixels.
const SIZE: (u32, u32) = (960, 1_120);
/// Height of the line above the plots, pixels.
const TITLE_HEIGHT: u32 = 40;
/// Points of a line. Reason: about the pixels there are. Of several seconds the highest is shown.
const POINTS_MAX: usize = 900;
/// Family of the letters. Reason: every viewer has one of its own.
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A line: its name, colour, and a value for each second.
struct Line {
    name: String,
    colour: RGBColor,
    values: Vec<f64>,
}

impl Line {
    fn new(name: &str, colour: RGBColor, values: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            colour,
            values,
        }
    }
}

/// The plot, as SVG.
///
/// # Errors
/// The library cannot draw it; no trace is known for which.
pub(super) fn draw(trace: &Trace) -> Result<String, String> {
    let mut out = String::new();
    let root = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
    let drawn = (|| {
        root.fill(&WHITE).map_err(said)?;
        let (title, plots) = root.split_vertically(TITLE_HEIGHT);
        let text = format!("{}: {} s", trace.name, trace.totals.ms / 1_000);
        title.titled(&text, (FONT, 22).into_font()).map_err(said)?;
        let at = times(&trace.seconds);
        let panels = panels(trace);
        for (area, (title, unit, lines)) in plots.split_evenly((4, 1)).iter().zip(panels) {
            panel(area, (title, unit), &at, &lines)?;
        }
        root.present().map_err(said)
    })();
    drop(root);
    drawn.map(|()| out)
}

fn said(error: impl std::fmt::Display) -> String {
    format!("the plot cannot be drawn: {error}")
}

/// End of each second, seconds.
fn times(seconds: &[Second]) -> Vec<f64> {
    let times = seconds.iter().map(|second| second.at_ms as f64 / 1_000.0);
    times.collect()
}

/// Time that each second took, seconds.
fn lengths(seconds: &[Second]) -> Vec<f64> {
    let mut before = 0;
    let lengths = seconds.iter().map(|second| {
        let ms = second.at_ms.saturating_sub(before).max(1);
        before = second.at_ms;
        ms as f64 / 1_000.0
    });
    lengths.collect()
}

fn panels(trace: &Trace) -> [(&'static str, &'static str, Vec<Line>); 4] {
    let seconds = &trace.seconds;
    let lengths = lengths(seconds);
    let cores = trace.host.cores.max(1) as f64;
    let rate = |of: &dyn Fn(&Second) -> u64| -> Vec<f64> {
        let pairs = seconds.iter().zip(&lengths);
        pairs.map(|(one, length)| of(one) as f64 / length).collect()
    };
    let flat = |value: f64| vec![value; seconds.len()];
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let cpu = rate(&|one| one.cpu_ms);
    let cpu = cpu.iter().map(|ms| ms / 10.0 / cores).collect();
    let bound = trace.budget.cpu_permille as f64 / 10.0;
    let memory = seconds.iter().map(|one| mib(one.rss_bytes)).collect();
    let messages = rate(&|one| one.messages.iter().map(|(_, count)| count).sum());
    let p99 = |of: fn(&Second) -> [u64; 3]| -> Vec<f64> {
        let values = seconds.iter().map(|one| of(one)[1] as f64 / 1_000.0);
        values.collect()
    };
    [
        (
            "CPU",
            "% of all cores",
            vec![
                Line::new("CPU", BLUE, cpu),
                Line::new("CPU budget", RED, flat(bound)),
            ],
        ),
        (
            "memory",
            "MiB",
            vec![
                Line::new("memory", BLUE, memory),
                Line::new("memory budget", RED, flat(mib(trace.budget.memory_bytes))),
            ],
        ),
        (
            "traffic",
            "per second",
            vec![
                Line::new("messages", BLUE, messages),
                Line::new("frames", GREEN, rate(&|one| one.frames)),
            ],
        ),
        (
            "latency since the start, p99",
            "ms",
            vec![
                Line::new("to verdict", BLUE, p99(|one| one.to_verdict_us)),
                Line::new("to delivery", MAGENTA, p99(|one| one.to_delivery_us)),
            ],
        ),
    ]
}

fn panel(
    area: &Area<'_>,
    (title, unit): (&str, &str),
    at: &[f64],
    lines: &[Line],
) -> Result<(), String> {
    let most = lines.iter().flat_map(|line| &line.values);
    let most = most.copied().fold(0.0, f64::max);
    let top = if most > 0.0 { most * 1.1 } else { 1.0 };
    let end = at.last().copied().unwrap_or(0.0).max(1.0);
    let mut chart: Chart<'_, '_> = ChartBuilder::on(area)
        .caption(title, (FONT, 16).into_font())
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..end, 0.0..top)
        .map_err(said)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("s").y_desc(unit).draw().map_err(said)?;
    for line in lines {
        let colour = line.colour;
        let series = LineSeries::new(points(at, &line.values), &colour);
        chart
            .draw_series(series)
            .map_err(said)?
            .label(line.name.as_str())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour));
    }
    let mut labels = chart.configure_series_labels();
    labels
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()
        .map_err(said)
}

/// At most [`POINTS_MAX`] points, of several the highest.
fn points(at: &[f64], values: &[f64]) -> Vec<(f64, f64)> {
    let step = at.len().div_ceil(POINTS_MAX).max(1);
    let times = at.chunks(step);
    let chunks = times.zip(values.chunks(step)).filter_map(|(at, values)| {
        let highest = values.iter().copied().fold(0.0, f64::max);
        Some((*at.last()?, highest))
    });
    chunks.collect()
}
