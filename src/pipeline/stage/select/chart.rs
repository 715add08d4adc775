//! `report.svg`: the best value of each bucket over the time of day. The settlement instant shows as a dip.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::decimal::significant;
use super::params::{By, Params};
use super::rank::Candidate;

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 430.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 62.0;
/// Where the whole day is drawn, from left to right, and where the minutes about the best.
const DAY: (f64, f64) = (96.0, 690.0);
const CLOSE: (f64, f64) = (730.0, 1050.0);
/// How many minutes before and after the best are drawn large.
const ABOUT: f64 = 20.0;

/// One symbol's chart.
pub(super) struct Panel {
    title: String,
    subtitle: String,
    /// Minute of the day and best value there.
    points: Vec<(f64, f64)>,
    best: Option<(f64, f64, String)>,
    runner: Option<(f64, f64, String)>,
    /// The measure and its unit.
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
        let subtitle = "the job's log says how far the nearest got".to_owned();
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
            measure: measure_label(params),
        }
    }
}

fn shown(candidate: &Candidate, params: &Params) -> Option<f64> {
    candidate.printed(params).parse::<f64>().ok().map(f64::abs)
}

fn measure_label(params: &Params) -> String {
    let (by, unit) = (
        params.by,
        match params.by {
            By::Rmse | By::Mae | By::Bias | By::Maxae => "in units of price",
            By::Mape => "in per cent",
            By::Hit => "share of days",
            By::Corr | By::R2 => "no unit",
        },
    );
    format!("{by}, {unit} (log scale)")
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
.paper{fill:#fff}.ink{fill:#16202a}.soft{fill:#445261}.grid{stroke:#e4e9ee}.axis{stroke:#7d8b99}.line{stroke:#1f5fa8;fill:none;stroke-linejoin:round}\
.dot{fill:#1f5fa8}.best{fill:#b3261e}.bestline{stroke:#b3261e}.second{fill:#8a5a00}.shade{fill:#f3f6f9}\
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

/// Which values are drawn between the bottom and the top.
#[derive(Clone, Copy)]
struct Values {
    /// The powers of ten at the bottom and the top.
    low: f64,
    high: f64,
    /// Whether the lowest line stands for zero, which has no logarithm.
    zero: bool,
}

impl Values {
    fn fit(points: &[(f64, f64)]) -> Self {
        let positive = || points.iter().map(|(_, value)| *value).filter(|value| *value > 0.0);
        let least = positive().fold(f64::INFINITY, f64::min);
        let most = positive().fold(0.0, f64::max);
        let (least, most) = if most > 0.0 { (least, most) } else { (0.1, 1.0) };
        let zero = points.iter().any(|(_, value)| *value <= 0.0);
        let low = least.log10().floor() - if zero { 1.0 } else { 0.0 };
        Self { low, high: most.log10().ceil().max(low + 1.0), zero }
    }

    fn y(&self, value: f64) -> f64 {
        let log = if value > 0.0 { value.log10().max(self.low) } else { self.low };
        TOP + (self.high - log) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }

    /// Each line across: its power of ten, and what is written beside it.
    fn lines(&self) -> Vec<(f64, String)> {
        let mut lines = Vec::new();
        let mut power = self.low;
        while power <= self.high {
            let value = 10.0_f64.powf(power);
            let label = if self.zero && power <= self.low { "0".to_owned() } else { significant(value) };
            lines.push((value, label));
            power += 1.0;
        }
        lines
    }
}

/// A stretch of the day, in minutes, and where it lies on paper.
#[derive(Clone, Copy)]
struct Stretch {
    from: f64,
    to: f64,
    paper: (f64, f64),
    /// Minutes between two labels.
    step: f64,
}

impl Stretch {
    /// The hours that have points.
    fn of_all(points: &[(f64, f64)]) -> Self {
        let from = (points.iter().map(|(at, _)| *at).fold(1440.0, f64::min) / 60.0).floor() * 60.0;
        let to = (points.iter().map(|(at, _)| at + 1.0).fold(0.0, f64::max) / 60.0).ceil() * 60.0;
        let (from, to) = if from < to { (from, to) } else { (0.0, 1440.0) };
        let step = if to - from > 14.0 * 60.0 {
            180.0
        } else if to - from > 7.0 * 60.0 {
            120.0
        } else {
            60.0
        };
        Self { from, to, paper: DAY, step }
    }

    fn about(minute: f64) -> Self {
        Self { from: minute - ABOUT, to: minute + ABOUT + 1.0, paper: CLOSE, step: 10.0 }
    }

    fn x(&self, minute: f64) -> f64 {
        let (left, right) = self.paper;
        left + (minute - self.from) / (self.to - self.from) * (right - left)
    }

    fn holds(&self, minute: f64) -> bool {
        self.from <= minute && minute < self.to
    }
}

fn draw_panel(svg: &mut String, panel: &Panel) {
    let values = Values::fit(&panel.points);
    let day = Stretch::of_all(&panel.points);
    let left = DAY.0;
    let (title, subtitle) = (escape(&panel.title), escape(&panel.subtitle));
    let _ = writeln!(
        svg,
        "<text class=\"ink\" x=\"{left}\" y=\"32\" font-size=\"21\" font-weight=\"600\">{title}</text>\n\
         <text class=\"soft\" x=\"{left}\" y=\"54\" font-size=\"14\">{subtitle}</text>"
    );
    if panel.points.is_empty() {
        return;
    }
    let _ = writeln!(
        svg,
        "<text class=\"soft\" transform=\"translate(22 {:.1}) rotate(-90)\" font-size=\"13\" text-anchor=\"middle\">{}</text>",
        (TOP + HEIGHT - BOTTOM) / 2.0,
        escape(&panel.measure)
    );
    if let Some((minute, ..)) = &panel.best {
        let close = Stretch::about(*minute);
        let (x, width) =
            (day.x(close.from.max(day.from)), day.x(close.to.min(day.to)) - day.x(close.from.max(day.from)));
        let _ = writeln!(
            svg,
            "<rect class=\"shade\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            HEIGHT - TOP - BOTTOM
        );
        plot(svg, panel, values, close, &format!("{ABOUT} minutes before and after"));
        for (value, label) in values.lines() {
            let _ = writeln!(
                svg,
                "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"end\">{label}</text>",
                left - 8.0,
                values.y(value) + 4.0
            );
        }
    }
    plot(svg, panel, values, day, "the whole day");
}

/// One stretch of the day: grid, axis, line, and marks.
fn plot(svg: &mut String, panel: &Panel, values: Values, stretch: Stretch, name: &str) {
    let ((left, right), bottom) = (stretch.paper, HEIGHT - BOTTOM);
    for (value, _) in values.lines() {
        let y = values.y(value);
        let _ =
            writeln!(svg, "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
    }
    let _ =
        writeln!(svg, "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>");
    let mut minute = (stretch.from / stretch.step).ceil() * stretch.step;
    while minute <= stretch.to {
        let (x, hour) = (stretch.x(minute), (minute / 60.0).floor());
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{:.1}\"/>\n\
             <text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"middle\">{hour:02}:{:02}</text>",
            bottom + 5.0,
            bottom + 20.0,
            minute - hour * 60.0
        );
        minute += stretch.step;
    }
    let middle = f64::midpoint(left, right);
    let _ = writeln!(
        svg,
        "<text class=\"soft\" x=\"{left}\" y=\"{:.1}\" font-size=\"12\" font-weight=\"600\">{name}</text>\n\
         <text class=\"soft\" x=\"{middle}\" y=\"{:.1}\" font-size=\"13\" text-anchor=\"middle\">bucket (hh:mm, local time)</text>",
        TOP - 10.0,
        bottom + 42.0
    );
    let shown: Vec<(f64, f64)> =
        panel.points.iter().copied().filter(|(minute, _)| stretch.holds(*minute)).collect();
    let mut path = String::new();
    let mut last: Option<f64> = None;
    for (minute, value) in &shown {
        let pen = if last.is_some_and(|last| minute - last <= 5.0) { 'L' } else { 'M' };
        let _ = write!(path, "{pen}{:.1} {:.1}", stretch.x(minute + 0.5), values.y(*value));
        last = Some(*minute);
    }
    let _ = writeln!(svg, "<path class=\"line\" stroke-width=\"1.6\" d=\"{path}\"/>");
    if stretch.paper == CLOSE {
        for (minute, value) in &shown {
            let (x, y) = (stretch.x(minute + 0.5), values.y(*value));
            let _ = writeln!(svg, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.4\"/>");
        }
    }
    marks(svg, panel, values, stretch);
}

/// The best and the runner-up. Where both are in the close view, the whole day names the best only.
fn marks(svg: &mut String, panel: &Panel, values: Values, stretch: Stretch) {
    let Some((best, value, at)) = &panel.best else { return };
    let (left, right) = stretch.paper;
    let place = |minute: f64, value: f64| (stretch.x(minute + 0.5), values.y(value));
    if let Some((runner, value, at)) = panel.runner.as_ref().filter(|(runner, ..)| stretch.holds(*runner)) {
        let named = stretch.paper == CLOSE || !Stretch::about(*best).holds(*runner);
        let text = format!("runner-up, {at}");
        let spot = place(*runner, *value);
        // Away from the best, where the line climbs out of the way, as long as there is room.
        let away = if runner < best { spot.0 - left > 150.0 } else { right - spot.0 < 150.0 };
        mark(svg, "second", spot, named.then_some(text.as_str()), away);
    }
    let (x, y) = place(*best, *value);
    let bottom = HEIGHT - BOTTOM;
    let _ = writeln!(
        svg,
        "<line class=\"bestline\" stroke-dasharray=\"3 4\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>"
    );
    mark(svg, "best", (x, y), Some(&format!("best, {at}")), x - left > 150.0);
}

/// A dot and, beside it, words: at the side that `left` says.
fn mark(svg: &mut String, class: &str, (x, y): (f64, f64), text: Option<&str>, left: bool) {
    let _ = writeln!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\"/>");
    let Some(text) = text else { return };
    let (anchor, dx) = if left { ("end", -11.0) } else { ("start", 11.0) };
    let dy = if class == "best" { -8.0 } else { 21.0 };
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"14\" font-weight=\"600\" text-anchor=\"{anchor}\">{}</text>",
        x + dx,
        y + dy,
        escape(text)
    );
}
