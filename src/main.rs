//! The `bellkeeper` command: parses its arguments, hands over, returns the exit code.

fn main() -> std::process::ExitCode {
    bellkeeper::cli::main()
}
