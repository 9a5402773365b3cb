//! Writes rows as a table, for terminals and for Markdown.

use super::row::{Of, Row};

const HEADERS: [&str; 9] =
    ["", "unit", "ours", "floor", "ratio", "middle half", "rounds", "target", "others"];

/// Groups rows by their bench, which is the first part of their names.
pub(super) fn groups(rows: &[Row]) -> Vec<(&str, &[Row])> {
    rows.chunk_by(|one, other| bench(one) == bench(other))
        .filter_map(|rows| Some((bench(rows.first()?), rows)))
        .collect()
}

fn bench(row: &Row) -> &str {
    row.name.split(": ").next().unwrap_or_default()
}

/// Returns the name of a row without its bench.
pub(super) fn subject(row: &Row) -> &str {
    row.name.split_once(": ").map_or(row.name.as_str(), |(_, subject)| subject)
}

pub(super) fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for (bench, rows) in groups(rows) {
        let mut lines = vec![HEADERS.map(str::to_owned)];
        lines[0][0] = bench.to_owned();
        lines.extend(rows.iter().map(cells));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; HEADERS.len()] = std::array::from_fn(width);
        for line in &lines {
            let padded = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
                if is_number(column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

pub(super) fn markdown(rows: &[Row]) -> String {
    let lines: Vec<_> = rows.iter().map(cells).collect();
    // Empty columns are left out.
    let shown: Vec<usize> = (0..HEADERS.len())
        .filter(|&column| column == 0 || lines.iter().any(|line| !line[column].is_empty()))
        .collect();
    let row = |cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = shown.iter().map(|&column| cell(column)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = row(&|column| HEADERS[column].to_owned());
    text.push_str(&row(&|column| if is_number(column) { "--:" } else { "---" }.to_owned()));
    lines.iter().for_each(|line| text.push_str(&row(&|column| line[column].clone())));
    text
}

fn is_number(column: usize) -> bool {
    (2..=6).contains(&column)
}

fn cells(row: &Row) -> [String; HEADERS.len()] {
    let given = |figure: Option<f64>| figure.map(number).unwrap_or_default();
    // Ratios have three digits in every unit.
    let ratio = |ratio: f64| format!("{ratio:.3}");
    let spread = row.spread.map(|ends| {
        let [from, to] = ends.map(|end| if row.ratio.is_some() { ratio(end) } else { number(end) });
        format!("{from} to {to}")
    });
    [
        subject(row).to_owned(),
        row.unit.clone(),
        number(row.ours),
        given(row.floor),
        row.ratio.map(ratio).unwrap_or_default(),
        spread.unwrap_or_default(),
        row.rounds.to_string(),
        target(row).unwrap_or_default(),
        list_peers(row, |_| true),
    ]
}

/// Lists the others of a row that have a better figure, as far as the digits on the page tell.
pub(super) fn list_better_peers(row: &Row) -> Option<String> {
    let is_better = |figure: f64| match row.larger_is_better() {
        true => figure > row.ours,
        false => figure < row.ours,
    };
    let better = list_peers(row, |figure| is_better(figure) && number(figure) != number(row.ours));
    (!better.is_empty()).then_some(better)
}

fn list_peers(row: &Row, is_wanted: impl Fn(f64) -> bool) -> String {
    let wanted = row.peers.iter().filter(|(_, figure)| is_wanted(**figure));
    let others: Vec<String> = wanted.map(|(name, figure)| format!("{name} {}", number(*figure))).collect();
    others.join(", ")
}

/// Describes the target of a row, and a missed one as such.
pub(super) fn target(row: &Row) -> Option<String> {
    let target = row.target?;
    let what = match target.of {
        Of::Ours => "",
        Of::Ratio => "ratio ",
        Of::Difference => "difference ",
    };
    let bounds = [(target.at_least, "≥"), (target.at_most, "≤")];
    let bound = bounds.into_iter().find_map(|(bound, sign)| Some(format!("{sign} {}", number(bound?))))?;
    let missed = match (row.reached()?, target.of, row.aimed()) {
        (true, ..) => String::new(),
        (false, Of::Difference, Some(difference)) => format!(", missed: {}", number(difference)),
        (false, ..) => ", missed".to_owned(),
    };
    Some(format!("{what}{bound}{missed}"))
}

/// Formats a figure with three significant digits or less.
pub(super) fn number(figure: f64) -> String {
    if !figure.is_finite() {
        return "none".to_owned();
    }
    let digits = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{figure:.digits$}");
    if digits == 0 {
        return grouped(&text);
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "" | "-" | "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// Inserts commas between thousands.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        vec![
            Row::against("client: run", "calls/s", &[900.0, 1100.0, 1000.0], &[1000.0, 1000.0, 1000.0])
                .at_least(Of::Ratio, 1.02)
                .peer("Python", 212.4),
            Row::against("client: allocations", "allocations", &[93.0], &[88.0]).at_most(Of::Difference, 3.0),
            Row::alone("client: connections", "connections", &[10_000.0]).at_most(Of::Ours, 20_000.0),
            Row::alone("emulator: start", "ms", &[4.25]),
        ]
    }

    #[test]
    fn a_table_marks_missed_targets_and_leaves_unmeasured_cells_empty() {
        insta::assert_snapshot!(text(&rows()));
    }

    #[test]
    fn markdown_leaves_out_empty_columns() {
        let rows = rows();
        assert_eq!(
            markdown(&rows[3..]),
            "|  | unit | ours | rounds |\n| --- | --- | --: | --: |\n| start | ms | 4.25 | 1 |\n"
        );
        let columns = markdown(&rows[..3]).lines().map(|line| line.matches('|').count()).collect::<Vec<_>>();
        assert_eq!(columns, [10; 5]);
    }

    #[test]
    fn a_target_applies_to_the_figure_that_it_names() {
        let row = |row: Row| (row.reached(), target(&row));
        let over = Row::against("a: b", "s", &[2.0], &[1.0]);
        let missed = "ratio ≤ 1.15, missed".to_owned();
        assert_eq!(row(over.clone().at_most(Of::Ratio, 1.15)), (Some(false), Some(missed)));
        assert_eq!(row(over.clone().at_most(Of::Ours, 2.0)), (Some(true), Some("≤ 2".to_owned())));
        assert_eq!(row(over), (None, None));
        let unknown = Row::alone("a: b", "s", &[2.0]).at_least(Of::Ratio, 0.9);
        assert_eq!(row(unknown), (Some(false), Some("ratio ≥ 0.9, missed".to_owned())));
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_the_rounds() {
        let row = Row::against("a: b", "s", &[1.0, 20.0, 3.0], &[1.0, 10.0, 2.0]);
        assert_eq!((row.ours, row.floor, row.ratio), (3.0, Some(2.0), Some(1.5)));
        assert_eq!((row.rounds, row.spread), (3, Some([1.5, 2.0])));
        let once = Row::against("a: b", "s", &[1.0], &[2.0]);
        assert_eq!((once.ratio, once.spread), (Some(0.5), None));
    }

    #[test]
    fn rows_survive_json() {
        for row in rows() {
            let text = serde_json::to_string(&row).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Row>(&text).ok(), Some(row), "{text}");
        }
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        for (figure, expected) in [
            (0.0, "0"),
            (0.0004, "0"),
            (-0.0004, "0"),
            (0.95, "0.95"),
            (3.5, "3.5"),
            (99.96, "100"),
            (42.19, "42.2"),
            (999.9, "1,000"),
            (1_234_567.0, "1,234,567"),
            (-1_500.0, "-1,500"),
            (f64::NAN, "none"),
        ] {
            assert_eq!(number(figure), expected);
        }
    }
}
