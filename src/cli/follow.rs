//! Recording a file of events while somebody writes it.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::CliError;
use super::app::App;
use crate::model::{Class, SessionId};
use crate::ops::job::World;
use crate::ops::load;
use crate::ops::record::{self, AGENT, Recorded, Taken};
use crate::ops::record_lines;
use crate::ops::sources::Sources;
use crate::store::Store;
use crate::worker::Ending;

/// How often the file is looked at. What tells of changes of directories does not tell that a file grows.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// The most that is recorded at once, in bytes, unless one line is longer.
const CHUNK: u64 = 16 << 20;
/// How many bytes at each end tell whether a file is still the same.
const SAMPLE: u64 = 512;
/// How many hexadecimal digits of a name are kept.
const N_DIGITS: usize = 16;

/// Records the lines of the file `path` as they are written, until the session ends or is gone, or the
/// process is asked to end. How far it got is kept with the session, so that the next call goes on there. A
/// line without its end waits.
pub fn record(
    app: &App,
    session_id: SessionId,
    path: &str,
    answer: &dyn Fn(&Recorded) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let path = app.dir().join(path);
    let store = World::store(app)?;
    let ending = Ending::begin().map_err(|error| failed(&path, error))?;
    loop {
        // Asked before the last look, so that what was written until then is recorded.
        let is_asked = ending.is_asked();
        let Some(tip_oid) = store.tip(session_id)? else { return Ok(()) };
        let view = load::load_at(&store, session_id, tip_oid)?.view;
        let (name, extent) = (session_id.to_string(), &view.session.conversation);
        let mut shown = app.shown_path(&path);
        World::context(app, &store).redaction.text(&mut shown)?;
        let known = Sources::of(&store, &name, extent, tip_oid).like(Some(&shown))?.into_iter();
        let known =
            known.filter(|it| it.agent == AGENT).find(|it| it.path.as_ref() == Some(&shown));
        let begun = known.map(|it| (it.offset, it.head, it.tail));
        let is_more = match look(&store, &path, begun)? {
            None => false,
            Some((bytes, taken)) => {
                let context = World::context(app, &store);
                let events = record_lines::read_all(&bytes, &context.op);
                let taken = Taken { path: Some(shown), ..taken };
                let recorded = record::record(&store, &context, session_id, &events, Some(&taken))?;
                answer(&recorded)?;
                app.finish()?;
                true
            }
        };
        if !is_more && (is_asked || view.class == Class::Ended) {
            return Ok(());
        }
        if !is_more {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Where a file was left: the offset, and what names the bytes at its beginning and before the offset.
type Begun = (u64, Option<String>, Option<String>);

/// Returns the whole lines after those that were taken, and how far they go; `None` if there are none. A
/// file that is another one now is taken from its beginning.
fn look(
    store: &Store,
    path: &Path,
    begun: Option<Begun>,
) -> Result<Option<(Vec<u8>, Taken)>, CliError> {
    let fail = |error| failed(path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let name_at = |offset: u64| -> Result<(Option<String>, Option<String>), CliError> {
        let n = offset.min(SAMPLE);
        let name = |from| -> Result<Option<String>, CliError> {
            let bytes = read_at(&file, from, n).map_err(fail)?;
            Ok(Some(store.blob_name(&bytes)?.to_string()[..N_DIGITS].to_owned()))
        };
        Ok((name(0)?, name(offset - n)?))
    };
    let after = Some(begun.as_ref().map_or(0, |(offset, _, _)| *offset));
    let (offset, rewritten_at) = match begun {
        None => (0, None),
        Some((offset, head, tail)) => match name_at(offset)? == (head, tail) {
            true => (offset, None),
            false => (0, Some(0)),
        },
    };
    let mut bytes = read_at(&file, offset, CHUNK).map_err(fail)?;
    let mut more = CHUNK;
    while !bytes.contains(&b'\n') && bytes.len() as u64 == more {
        more *= 2;
        bytes = read_at(&file, offset, more).map_err(fail)?;
    }
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(None) };
    bytes.truncate(end + 1);
    let offset = offset + bytes.len() as u64;
    let (head, tail) = name_at(offset)?;
    Ok(Some((bytes, Taken { after, offset, head, tail, rewritten_at, ..Taken::default() })))
}

fn read_at(mut file: &File, offset: u64, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn failed(path: &Path, error: std::io::Error) -> CliError {
    CliError::Input { path: path.to_string_lossy().into_owned(), error }
}
