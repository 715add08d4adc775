//! The `vds` program. Everything it does is in the library; this is only the door.

use std::process::ExitCode;

fn main() -> ExitCode {
    vds::cli::main()
}
