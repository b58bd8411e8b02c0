//! The site server: what it takes up from the disk, what the real program answers over TCP, and what it tells of itself.

mod conformance;
mod debug;
mod flags;
mod flip;
mod held;
mod load;
mod served;
mod strangers;
mod told;
mod walk;
mod wire;
