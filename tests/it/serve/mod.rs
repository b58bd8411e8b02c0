//! The site server: what it takes up from the disk, and what it answers.

mod load;
