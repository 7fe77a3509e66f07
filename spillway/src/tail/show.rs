//! How records look: a line for people, with colours on a terminal, or a JSON document.

use std::{io, ops::ControlFlow};

use console::{Style, Term, truncate_str};
use serde_json::Value;

use super::line::Line;
use crate::{output, words};

/// Where records are shown.
#[derive(Debug)]
pub(super) struct Screen {
    is_json: bool,
    is_coloured: bool,
    /// Characters in a line of the terminal; elsewhere lines are whole.
    width: Option<usize>,
}

/// A part of a line, and its look.
type Part = (String, Style);

impl Screen {
    pub(super) fn of(is_json: bool) -> Self {
        let terminal = Some(Term::stdout()).filter(Term::is_term);
        let width = terminal.and_then(|terminal| Some(terminal.size_checked()?.1.into()));
        Self { is_json, is_coloured: words::coloured(&io::stdout()), width }
    }

    /// Prints a record; breaks off when the reader has gone away.
    pub(super) fn show(&self, line: &Line) -> anyhow::Result<ControlFlow<()>> {
        let text = match self.is_json {
            true => serde_json::to_string(line)?,
            false => self.text(line),
        };
        output::write_on(&(text + "\n"))
    }

    fn text(&self, line: &Line) -> String {
        let parts = parts(line).into_iter();
        let looks =
            |(part, style): Part| style.force_styling(self.is_coloured).apply_to(part).to_string();
        let text = parts.map(looks).collect::<String>();
        let text = text.trim_end();
        match self.width {
            Some(width) => truncate_str(text, width, "…").into_owned(),
            None => text.to_owned(),
        }
    }
}

fn parts(line: &Line) -> Vec<Part> {
    let (plain, dim) = (Style::new(), Style::new().dim());
    let time = line.at.as_deref().and_then(|at| at.get(11..23)).unwrap_or("-");
    let place = format!("{}/{}", line.topic.trim_end_matches(".v1"), line.partition);
    let (key, name) = (line.key.as_deref().unwrap_or("-"), line.name.as_deref().unwrap_or("-"));
    let said = match &line.unreadable {
        Some(reason) => (format!("unreadable: {reason}"), Style::new().red()),
        None => (summary(line), plain.clone()),
    };
    vec![
        (format!("{time:12}  "), dim.clone()),
        (format!("{:11}  ", line.what), colour(line)),
        (format!("{place:22} {:>8}  ", line.offset), dim),
        (format!("{name:22}  "), colour(line)),
        (format!("{key:16}  "), plain),
        said,
    ]
}

fn colour(line: &Line) -> Style {
    let style = Style::new();
    match line.what {
        _ if line.unreadable.is_some() => style.red(),
        "command" => style.blue(),
        "event" => style.green(),
        "outcome" if is_refused(line) => style.yellow(),
        "outcome" => style.cyan(),
        _ => style.red(),
    }
}

fn is_refused(line: &Line) -> bool {
    line.body.as_ref().is_some_and(|body| !body["refusal"].is_null())
}

/// What a body says beyond the key, on one line.
fn summary(line: &Line) -> String {
    let Some(body) = &line.body else { return String::new() };
    if line.what == "outcome" {
        return outcome(body);
    }
    let Value::Object(fields) = body else { return bare(body) };
    let is_key =
        |value: &Value| value.as_str().is_some_and(|text| Some(text) == line.key.as_deref());
    let told = fields.iter().filter(|(_, value)| !value.is_null() && !is_key(value));
    told.map(|(name, value)| format!("{name}={}", bare(value))).collect::<Vec<_>>().join(" ")
}

fn outcome(body: &Value) -> String {
    let refusal = &body["refusal"];
    let status = body["order"]["status"].as_str();
    match (refusal["code"].as_str(), status) {
        (Some(code), _) => format!("refused: {code}: {}", bare(&refusal["detail"])),
        (None, Some(status)) => format!("done: {status}, version {}", body["version"]),
        (None, None) => format!("done: version {}", body["version"]),
    }
}

/// A value as JSON, but texts without their quotes.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use events::{Command, Kind, Topic, command::CancelOrder};

    use super::{super::line::tests::line, *};

    fn screen(is_coloured: bool, width: Option<usize>) -> Screen {
        Screen { is_json: false, is_coloured, width }
    }

    fn cancelled() -> Line {
        let cancel = CancelOrder { order_id: "o-1".to_owned(), reason: "too late".to_owned() };
        line(Topic::Commands(Kind::Orders), &Command::from(cancel).to_single_object(), &[])
    }

    #[test]
    fn a_line_tells_when_where_what_and_whose() {
        let text = screen(false, None).text(&cancelled());
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let words: Vec<&str> = text.split_whitespace().collect();
        let expected = ["09:00:00.125", "command", "orders.commands/2", "7", "CancelOrder", "o-1"];
        assert_eq!(words[..6], expected);
        assert!(text.ends_with("reason=too late"), "{text}");
    }

    #[test]
    fn colours_and_width_are_those_of_the_terminal() {
        let narrow = screen(false, Some(30)).text(&cancelled());
        assert_eq!(narrow, "09:00:00.125  command      or…");
        let coloured = screen(true, Some(30)).text(&cancelled());
        assert!(coloured.contains("\u{1b}[") && coloured.contains("command"), "{coloured:?}");
        let broken = line(Topic::Outcomes(Kind::Orders), b"", &[]);
        let text = screen(false, None).text(&broken);
        assert!(text.contains("unreadable: the value does not start"), "{text}");
    }

    #[test]
    fn an_outcome_is_told_by_what_became_of_the_command() {
        let refused = serde_json::json!({
            "version": 2,
            "refusal": {"code": "wrong-amount", "detail": "pay 5", "lines": []},
        });
        assert_eq!(outcome(&refused), "refused: wrong-amount: pay 5");
        let done = serde_json::json!({"version": 2, "refusal": null, "order": {"status": "paid"}});
        assert_eq!(outcome(&done), "done: paid, version 2");
    }
}
