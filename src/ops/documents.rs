//! Documents about many sessions, each made once for a commit where the cache remembers them.

use crate::cache::{self, NewDocuments, Sessions};
use crate::model::SessionId;
use crate::ops::facts;
use crate::ops::list::{self, Listed};
use crate::ops::load::View;
use crate::store::{Fault, Store};

/// What documents are, and how one is made.
#[derive(Clone, Copy)]
pub struct Making {
    /// Another number for all that are made in another way.
    pub kind: u32,
    /// Makes one, of nothing but the view.
    pub make: fn(&View) -> String,
}

/// Calls `take` with each of the sessions and a document about it, in their order. Returns the faults of those that
/// cannot be read.
///
/// # Errors
/// Those of `take`.
pub fn each<E>(
    store: &Store,
    sessions: &[Listed],
    making: Making,
    mut take: impl FnMut(SessionId, &str) -> Result<(), E>,
) -> Result<Vec<Fault>, E> {
    let is_cached = cache::is_wanted(store, sessions.len());
    let known = is_cached.then(|| cache::Documents::open(store, making.kind)).flatten();
    let mut new = NewDocuments::new(making.kind);
    let leased = list::leased(store);
    let mut faults = Vec::new();
    for Listed { excerpt, tip, .. } in sessions {
        let is_leased = leased.contains(&excerpt.id);
        let known = known.as_ref().filter(|_| !is_leased);
        if let Some(document) = known.and_then(|known| known.find(excerpt.id, *tip)) {
            take(excerpt.id, &document)?;
            continue;
        }
        let read = facts::read(store, excerpt.id, *tip);
        let view = read.and_then(|loaded| {
            let fault =
                |error: super::OpError| Fault::new(excerpt.id.to_string(), error.to_string());
            loaded.view.with_commits(store, &loaded.snapshot).map_err(fault)
        });
        match view {
            Err(fault) => faults.push(fault),
            Ok(view) => {
                let document = (making.make)(&view);
                take(excerpt.id, &document)?;
                if is_cached && !is_leased && view.tip == *tip && is_settled(&view) {
                    new.add(excerpt.id, *tip, &document);
                }
            }
        }
    }
    if is_cached {
        let ids = |sessions: Sessions| sessions.ids().collect();
        new.write(store, known.as_ref(), || Sessions::read(store).map(ids).unwrap_or_default());
    }
    Ok(faults)
}

/// Tells whether a document about this would be the same for ever. What a commit of the work says is never another, but
/// one that is not here now may come.
fn is_settled(view: &View) -> bool {
    let is_known = view.made.iter().flatten().all(|(_, subject)| subject.is_some());
    is_known && facts::is_settled(&view.session)
}
