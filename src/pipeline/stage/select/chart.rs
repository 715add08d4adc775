//! `report.svg`: the best value of each bucket over the time of day. The settlement instant shows as a dip.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::params::Params;
use super::rank::Candidate;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 74.0;
const BOTTOM: f64 = 46.0;

/// One symbol's chart.
pub(super) struct Panel {
    title: String,
    subtitle: String,
    /// Minute of the day and best value there.
    points: Vec<(f64, f64)>,
    best: Option<(f64, f64, String)>,
    runner: Option<(f64, f64, String)>,
    measure: String,
}

impl Panel {
    /// A chart that says that there is nothing to show yet.
    pub(super) fn empty(symbol: &str) -> Self {
        let title = if symbol.is_empty() {
            "No candidate yet".to_owned()
        } else {
            format!("{symbol}: no candidate yet")
        };
        let subtitle = "too few days have both an estimate and a truth".to_owned();
        Self { title, subtitle, points: Vec::new(), best: None, runner: None, measure: String::new() }
    }

    /// The chart of one symbol.
    pub(super) fn new(
        symbol: &str,
        all: &[Candidate],
        best: &Candidate,
        runner: Option<&Candidate>,
        params: &Params,
        caption: &[String],
    ) -> Self {
        let mut lowest: BTreeMap<&str, f64> = BTreeMap::new();
        let passing = all.iter().filter(|c| c.n >= params.min_n && c.coverage >= params.min_coverage);
        for candidate in passing {
            if let Some(value) = shown(candidate, params) {
                let slot = lowest.entry(candidate.field("bucket")).or_insert(value);
                *slot = if candidate.value < 0.0 { slot.max(value) } else { slot.min(value) };
            }
        }
        let points = lowest.iter().filter_map(|(bucket, value)| Some((minute(bucket)?, *value))).collect();
        let mark = |candidate: &Candidate| {
            Some((
                minute(candidate.field("bucket"))?,
                shown(candidate, params)?,
                candidate.field("at").to_owned(),
            ))
        };
        let (first, rest) =
            caption.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let title = if symbol.is_empty() { first.to_owned() } else { format!("{symbol}: {first}") };
        Self {
            title,
            subtitle: rest.join(" · "),
            points,
            best: mark(best),
            runner: runner.and_then(mark),
            measure: params.by.to_string(),
        }
    }
}

fn shown(candidate: &Candidate, params: &Params) -> Option<f64> {
    candidate.printed(params).parse::<f64>().ok().map(f64::abs)
}

fn minute(bucket: &str) -> Option<f64> {
    let (hour, minute) = bucket.split_once(':')?;
    Some(hour.parse::<f64>().ok()? * 60.0 + minute.parse::<f64>().ok()?)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The whole file.
pub(super) fn draw(panels: &[Panel]) -> String {
    let height = HEIGHT * panels.len().max(1) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"Helvetica, Arial, sans-serif\">\n"
    );
    svg.push_str(
        "<style>\
.paper{fill:#fff}.ink{fill:#1c2733}.soft{fill:#5b6b7b}.grid{stroke:#e3e8ed}.axis{stroke:#93a1af}.line{stroke:#2f6db5;fill:none}\
.best{fill:#c8371f}.bestline{stroke:#c8371f}.second{fill:#b07c10}\
@media (prefers-color-scheme:dark){.paper{fill:#141a20}.ink{fill:#e8edf2}.soft{fill:#9aa8b5}.grid{stroke:#26303a}.axis{stroke:#5d6b78}.line{stroke:#6aa7ea}.best{fill:#ff7a5f}.bestline{stroke:#ff7a5f}.second{fill:#e0b04a}}\
</style>\n",
    );
    let _ = writeln!(svg, "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>");
    for (at, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", HEIGHT * at as f64);
        draw_panel(&mut svg, panel);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where a panel's values go on paper.
struct Axes {
    from: f64,
    to: f64,
    /// Powers of ten at the bottom and the top.
    low: f64,
    high: f64,
    floor: f64,
}

impl Axes {
    fn fit(points: &[(f64, f64)]) -> Self {
        let positive = || points.iter().map(|(_, value)| *value).filter(|value| *value > 0.0);
        let least = positive().fold(f64::INFINITY, f64::min);
        let most = positive().fold(0.0, f64::max);
        let (least, most) = if most > 0.0 { (least, most) } else { (0.1, 1.0) };
        // A value of zero has no logarithm: it is drawn one decade below the least that has.
        let zeros = points.iter().any(|(_, value)| *value <= 0.0);
        let floor = if zeros { least / 10.0 } else { least };
        let low = floor.log10().floor();
        let high = most.log10().ceil().max(low + 1.0);
        let from = (points.iter().map(|(at, _)| *at).fold(1440.0, f64::min) / 60.0).floor() * 60.0;
        let to = (points.iter().map(|(at, _)| at + 1.0).fold(0.0, f64::max) / 60.0).ceil() * 60.0;
        let (from, to) = if from < to { (from, to) } else { (0.0, 1440.0) };
        Self { from, to, low, high, floor }
    }

    fn x(&self, minute: f64) -> f64 {
        LEFT + (minute - self.from) / (self.to - self.from) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let log = value.max(self.floor).log10();
        TOP + (self.high - log) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }
}

fn draw_panel(svg: &mut String, panel: &Panel) {
    let axes = Axes::fit(&panel.points);
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let _ = writeln!(
        svg,
        "<text class=\"ink\" x=\"{LEFT}\" y=\"30\" font-size=\"19\" font-weight=\"600\">{}</text>",
        escape(&panel.title)
    );
    let _ = writeln!(
        svg,
        "<text class=\"soft\" x=\"{LEFT}\" y=\"51\" font-size=\"13\">{}</text>",
        escape(&panel.subtitle)
    );
    let mut power = axes.low;
    while power <= axes.high {
        let y = axes.y(10.0_f64.powf(power));
        let label = super::super::decimal::significant(10.0_f64.powf(power));
        let _ =
            writeln!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let _ = writeln!(
            svg,
            "<text class=\"soft\" x=\"{}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"end\">{label}</text>",
            LEFT - 8.0,
            y + 4.0
        );
        power += 1.0;
    }
    let hours = (axes.to - axes.from) / 60.0;
    let step = if hours > 14.0 { 2.0 } else { 1.0 };
    let mut hour = axes.from / 60.0;
    while hour * 60.0 <= axes.to {
        let x = axes.x(hour * 60.0);
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{}\"/>",
            bottom + 5.0
        );
        let _ = writeln!(
            svg,
            "<text class=\"soft\" x=\"{x:.1}\" y=\"{}\" font-size=\"12\" text-anchor=\"middle\">{hour:02}:00</text>",
            bottom + 20.0
        );
        hour += step;
    }
    let _ =
        writeln!(svg, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>");
    let _ = writeln!(
        svg,
        "<text class=\"soft\" x=\"{right}\" y=\"{}\" font-size=\"12\" text-anchor=\"end\">time of day</text>",
        bottom + 38.0
    );
    let _ = writeln!(
        svg,
        "<text class=\"soft\" x=\"{}\" y=\"{}\" font-size=\"12\" text-anchor=\"end\">{}</text>",
        LEFT - 8.0,
        TOP - 12.0,
        escape(&panel.measure)
    );
    let mut path = String::new();
    let mut last: Option<f64> = None;
    for (minute, value) in &panel.points {
        let joined = last.is_some_and(|last| minute - last <= 5.0);
        let _ = write!(
            path,
            "{}{:.1} {:.1}",
            if joined { "L" } else { "M" },
            axes.x(minute + 0.5),
            axes.y(*value)
        );
        last = Some(*minute);
    }
    let _ = writeln!(svg, "<path class=\"line\" stroke-width=\"1.4\" d=\"{path}\"/>");
    if let Some((minute, value, at)) = &panel.best {
        let (x, y) = (axes.x(minute + 0.5), axes.y(*value));
        let _ = writeln!(
            svg,
            "<line class=\"bestline\" stroke-dasharray=\"3 4\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>"
        );
        label(svg, "best", x, y, &format!("best {at}"));
    }
    if let Some((minute, value, at)) = &panel.runner {
        label(svg, "second", axes.x(minute + 0.5), axes.y(*value), &format!("runner-up {at}"));
    }
}

fn label(svg: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let (anchor, dx) = if x > WIDTH / 2.0 { ("end", -10.0) } else { ("start", 10.0) };
    let dy = if class == "best" { 4.0 } else { 16.0 };
    let _ = writeln!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"13\" font-weight=\"600\" text-anchor=\"{anchor}\">{}</text>",
        x + dx,
        (y + dy).min(HEIGHT - BOTTOM - 6.0),
        escape(text)
    );
}
