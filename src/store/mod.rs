//! Git: the only floor that names `gix`, and the only one that runs `git`.

pub mod native;
