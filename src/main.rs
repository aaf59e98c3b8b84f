//! `verbund`: parse, run, exit code.
use std::process::ExitCode;

fn main() -> ExitCode {
    verbund::cli::main()
}
