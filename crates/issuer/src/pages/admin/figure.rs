//! Pictures on the pages of the administration: charts of bars and of spans of time, as SVG that the style sheet colours. A table beside
//! each picture says what it shows, for those who do not see it.

use crate::admin::words::{counted, thousands};
use crate::clock::UnixSeconds;

/// The width of every picture in units of its own. Letters are legible where it is shown 300 pixels wide, and not huge at 500.
pub const WIDTH: i64 = 400;
/// The room on the left for the numbers of the axis.
const LEFT: i64 = 34;
/// The height of the bars of a chart, and the place of their foot.
const HEIGHT: i64 = 130;
const FOOT: i64 = 140;

/// A part of a picture. `class` names its colour.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A rectangle with a text that appears where the pointer rests on it.
    Rect {
        /// The left edge.
        x: i64,
        /// The upper edge.
        y: i64,
        /// The width of the area, in units of the picture.
        width: i64,
        /// The height of the area, in units of the picture.
        height: i64,
        /// The name of the colour.
        class: &'static str,
        /// The text about it.
        title: String,
    },
    /// A line between two places of the picture.
    Line {
        /// Where it begins.
        from: (i64, i64),
        /// Where it ends.
        to: (i64, i64),
        /// The name of the colour.
        class: &'static str,
    },
    /// A text whose foot stands at a place.
    Text {
        /// The place at which the text begins or is centred.
        at: (i64, i64),
        /// `start`, `middle` or `end`: the part of the text that stands at the place.
        anchor: &'static str,
        /// The text that is shown there.
        text: String,
    },
}

/// A picture with its title.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    pub title: String,
    /// A sentence that says what the picture shows.
    pub summary: String,
    pub height: i64,
    pub shapes: Vec<Shape>,
    /// The colours with their meanings.
    pub legend: Vec<(&'static str, String)>,
}

/// A series of a chart: the name of its colour, its label for one and for several, and a number for each bar.
pub struct Series {
    pub class: &'static str,
    pub labels: [&'static str; 2],
    pub numbers: Vec<i64>,
}

/// Returns the least of 1, 2 and 5 times a power of ten that is at least `number`, so that the axis has round numbers.
fn round_up(number: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            let round = power.saturating_mul(factor);
            if round >= number || round == i64::MAX {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Writes `number` with at most four characters where that is possible, such as `20k`.
fn short(number: i64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{}k", number / 1000),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// Returns the part of `length` that `number` is of `whole`. Something that is not 0 is at least 1, so that it is seen.
fn share(number: i64, whole: i64, length: i64) -> i64 {
    let share = i128::from(number.max(0)) * i128::from(length) / i128::from(whole.max(1));
    i64::try_from(share).unwrap_or(length).max(i64::from(number > 0))
}

/// Makes a chart with a bar for each of `labels`, in which the numbers of `series` stand on each other. Every `every`th bar has its label
/// below it.
pub fn bars(title: &str, labels: &[String], every: usize, series: &[Series]) -> Figure {
    let sum = |index: usize| series.iter().filter_map(|series| series.numbers.get(index)).sum::<i64>();
    let most = (0..labels.len()).map(sum).max().unwrap_or(0);
    let top = round_up(most.max(4));
    let mut shapes = Vec::new();
    for part in 0..=2 {
        let y = FOOT - HEIGHT * part / 2;
        shapes.push(Shape::Line { from: (LEFT, y), to: (WIDTH, y), class: "axis" });
        shapes.push(Shape::Text { at: (LEFT - 5, y + 4), anchor: "end", text: short(top * part / 2) });
    }
    let number = i64::try_from(labels.len()).unwrap_or(1).max(1);
    for (index, label) in (0_i64..).zip(labels) {
        let (from, to) = (LEFT + (WIDTH - LEFT) * index / number, LEFT + (WIDTH - LEFT) * (index + 1) / number);
        let mut y = FOOT;
        let place = usize::try_from(index).unwrap_or_default();
        for series in series {
            let count = series.numbers.get(place).copied().unwrap_or(0);
            let height = share(count, top, HEIGHT);
            if height > 0 {
                y -= height;
                let [one, many] = series.labels;
                let title = format!("{label}: {}", counted(count, one, many));
                shapes.push(Shape::Rect { x: from + 1, y, width: (to - from - 2).max(1), height, class: series.class, title });
            }
        }
        if place.is_multiple_of(every) {
            shapes.push(Shape::Text { at: (i64::midpoint(from, to), FOOT + 16), anchor: "middle", text: label.clone() });
        }
    }
    let total = |series: &Series| series.numbers.iter().sum::<i64>();
    let legend: Vec<(&str, String)> =
        series.iter().map(|series| (series.class, format!("{}: {}", series.labels[1], thousands(total(series))))).collect();
    let summary = format!("{title}. {}.", legend.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", "));
    Figure { title: title.to_owned(), summary, height: FOOT + 22, shapes, legend }
}

/// A span of time of a lane: from when until when, the name of its colour, and the text about it.
pub type Span = (UnixSeconds, UnixSeconds, &'static str, String);

/// Makes a picture with a lane for each label, in which its spans of time lie, between `from` and `until`. A line marks `now`. `dates` are the
/// times with the texts that stand below.
pub fn lanes(
    lanes: Vec<(String, Vec<Span>)>,
    (from, until): (UnixSeconds, UnixSeconds),
    now: UnixSeconds,
    dates: Vec<(UnixSeconds, String)>,
) -> Figure {
    const LANE: i64 = 38;
    let x = |at: UnixSeconds| share(at.clamp(from, until) - from, until - from, WIDTH);
    let number = i64::try_from(lanes.len()).unwrap_or_default();
    let foot = number * LANE + 4;
    let mut shapes = Vec::new();
    for (index, (label, spans)) in (0_i64..).zip(lanes) {
        let y = index * LANE;
        shapes.push(Shape::Text { at: (0, y + 13), anchor: "start", text: label });
        for (begin, end, class, title) in spans {
            let width = (x(end) - x(begin)).max(2);
            shapes.push(Shape::Rect { x: x(begin).min(WIDTH - 2), y: y + 18, width, height: 14, class, title });
        }
    }
    shapes.push(Shape::Line { from: (x(now), 0), to: (x(now), foot), class: "now" });
    for (at, text) in dates {
        let anchor = match x(at) {
            x if x < 40 => "start",
            x if x > WIDTH - 40 => "end",
            _ => "middle",
        };
        shapes.push(Shape::Text { at: (x(at), foot + 14), anchor, text });
    }
    Figure { height: foot + 20, shapes, ..Figure::default() }
}
