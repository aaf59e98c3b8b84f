//! Logging: structured lines on standard error, filtered by `RUST_LOG`.
use tracing_subscriber::EnvFilter;

/// Sets up logging for the process; later calls change nothing.
pub fn init(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Tests start several nodes in one process; the first one's logging serves all.
    let _ = subscriber.with_target(false).try_init();
}
