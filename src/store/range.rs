use super::open::lossy;
use super::{Store, StoreError, git};
use crate::model::Oid;

impl Store {
    /// Returns the commits that `git rev-list` finds for a range, such as `main..HEAD`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Io`] with git's own words.
    pub fn commits_in(&self, range: &str) -> Result<Vec<Oid>, StoreError> {
        let mut command = git::command(self);
        command.args(["rev-list", "--reverse", "--topo-order", "--end-of-options", range, "--"]);
        let output = git::run_long(&mut command)?;
        git::expect_success(&output, &format!("cannot list the commits of '{range}'"))?;
        Ok(lossy(&output.stdout).lines().filter_map(Oid::from_hex).collect())
    }
}
