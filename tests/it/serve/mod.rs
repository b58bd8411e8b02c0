//! The site server: what it takes up from the disk, and what the real program answers over TCP.

mod conformance;
mod flip;
mod load;
mod served;
mod strangers;
mod walk;
