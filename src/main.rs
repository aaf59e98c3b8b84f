//! `verbund`: parse, run, exit code.
use std::process::ExitCode;

/// A node allocates small pieces on several threads all day; with the system's allocator that was a tenth of its time.
/// Without huge pages: they cost a catch-up a hundred megabytes, and orders were no faster with them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    verbund::cli::main()
}
