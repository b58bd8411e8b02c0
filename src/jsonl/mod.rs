//! Files of JSON lines: read the last lines, append one, rotate.
//!
//! Invariant: nothing that was once a whole line is ever lost or joined to another, whoever else writes, and
//! wherever a crash cuts in; reading costs the same however long the file has grown.

mod append;
mod rotate;
pub(crate) mod scan;
mod tail;

pub use append::{Appended, Appender};
pub use rotate::{Rotation, Tidied, rotated_files, tidy};
pub(crate) use tail::trim;
pub use tail::{Limits, Line, Tail, last_lines};
