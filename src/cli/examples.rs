//! Examples for the help of every command, from one table; a test parses each as a person would type it.
use clap::Command;

/// Commands in the order of the help; a line that ends in a backslash goes on in the next one.
const EXAMPLES: &str = include_str!("examples.txt");

/// What begins the examples of a page.
const HEADINGS: [&str; 2] = ["Beispiel:", "Beispiele:"];

/// The command with examples below each page that has no commands of its own.
pub fn with_examples(command: Command) -> Command {
    let path = command.get_name().to_owned();
    below(command, &path)
}

fn below(command: Command, path: &str) -> Command {
    if command.has_subcommands() {
        return command.mut_subcommands(|sub| {
            let path = format!("{path} {}", sub.get_name());
            below(sub, &path)
        });
    }
    let own: Vec<&str> = examples().into_iter().filter(|example| is_of(example, path)).collect();
    if own.is_empty() {
        return command;
    }
    let heading = HEADINGS[usize::from(own.len() > 1)];
    command.after_help(format!("{heading}\n  {}", own.join("\n").replace('\n', "\n  ")))
}

/// Every example with all its lines.
fn examples() -> Vec<&'static str> {
    let mut examples = Vec::new();
    let mut rest = EXAMPLES.trim_end();
    while !rest.is_empty() {
        let ends = rest.match_indices('\n').map(|(at, _)| at).find(|at| !rest[..*at].ends_with('\\'));
        let (example, others) = rest.split_at(ends.unwrap_or(rest.len()));
        examples.push(example);
        rest = others.trim_start();
    }
    examples
}

fn is_of(example: &str, path: &str) -> bool {
    example.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    /// What a shell would make of a line: words, quotes, and what goes elsewhere left out.
    fn words(example: &str) -> Vec<String> {
        let line = example.replace("\\\n", " ");
        let line = line.split(" >").next().expect("a command");
        let outside_and_inside = line.split('"').enumerate();
        let words = outside_and_inside.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.map(|word| word.replace("HASH", &"ab".repeat(32))).collect()
    }

    fn leaves(command: &Command, path: &str) -> Vec<String> {
        let below = command.get_subcommands().map(|sub| leaves(sub, &format!("{path} {}", sub.get_name())));
        if command.has_subcommands() { below.flatten().collect() } else { vec![path.to_owned()] }
    }

    #[test]
    fn every_command_has_an_example_and_every_example_is_understood() {
        for path in leaves(&Cli::command(), "verbund") {
            assert!(examples().iter().any(|example| is_of(example, &path)), "{path}");
        }
        let refusals = examples().into_iter().filter_map(|example| {
            let parsed = Cli::command().try_get_matches_from(words(&example.replace("STELLE", "1")));
            parsed.err().map(|error| format!("{example}\n{error}"))
        });
        let refusals: Vec<String> = refusals.collect();
        assert!(refusals.is_empty(), "{}", refusals.join("\n"));
    }
}
