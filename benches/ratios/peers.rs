//! What it costs to make a record and to change its state, beside what other programs take for theirs.
//!
//! Processor time of the whole tree of processes, in turn with ours, in repositories with about as many records.
//! Only who is installed is measured; `git` and its plumbing always are.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use super::scale::Scale;
use super::{N_WARM_UPS, Place, cost, data, median};

/// How many times less than the others ours is to take.
const GOAL: f64 = 5.0;
/// How many records those get that need a process for each.
const N_FEW: u64 = 1000;

/// A program that keeps records, or a way to keep them with git's own.
struct Peer {
    name: &'static str,
    /// What must be on the `PATH`.
    program: &'static str,
    /// Whether it is one that the goal is about.
    counts: bool,
    /// Whether a process has to make each of the records that are there at the beginning.
    is_slow: bool,
    /// Makes so many records.
    make: fn(&Place, u64) -> io::Result<()>,
    /// The script that makes one more, whose number is `$1`.
    create: &'static str,
    /// The script that changes the state of one, whose name is `$2`, to `$1`.
    transition: &'static str,
    /// The script that prints the name of one that is there.
    pick: &'static str,
}

const PEERS: [Peer; 7] = [
    Peer {
        name: "jj: a change",
        program: "jj",
        counts: true,
        is_slow: false,
        make: |place, n| {
            import(place, n, "refs/heads/record-", "")?;
            sh(
                place,
                "jj git init --colocate && jj config set --repo user.name Ada && \
                jj config set --repo user.email ada@example.com",
            )
        },
        create: "jj new --no-edit 'root()' -m \"record $1\"",
        transition: "jj describe \"$2\" -m \"state: $1\"",
        pick: "jj log --no-graph --limit 1 -r 'bookmarks(\"record-7\")' -T change_id",
    },
    Peer {
        name: "stgit: a patch",
        program: "stg",
        counts: true,
        is_slow: false,
        make: |place, n| {
            import(place, n, "refs/heads/stack", "-stack")?;
            sh(place, &format!("git checkout -q stack && stg init && stg uncommit -n {}", n - 1))
        },
        create: "stg new \"new-$1\" -m \"record $1\"",
        transition: "stg edit \"$2\" -m \"state: $1\"",
        pick: "stg series --noprefix | tail -n 1",
    },
    Peer {
        name: "radicle: an issue",
        program: "rad",
        counts: true,
        is_slow: true,
        make: |place, n| {
            sh(
                place,
                "RAD_PASSPHRASE= rad auth --alias ada --stdin </dev/null && \
                rad init --name bench --description bench --default-branch main --private \
                --no-confirm --no-seed",
            )?;
            each(
                place,
                n,
                "rad issue open --title \"record $at\" --description body --no-announce -q",
            )
        },
        create: "rad issue open --title \"record $1\" --description body --no-announce -q",
        transition: "case $1 in a) rad issue state \"$2\" --closed --no-announce ;; \
            *) rad issue state \"$2\" --open --no-announce ;; esac",
        pick: "git -C \"$HOME\"/.radicle/storage/z* for-each-ref --count=1 \
            --format='%(refname:lstrip=-1)' 'refs/namespaces/*/refs/cobs/xyz.radicle.issue/*'",
    },
    Peer {
        name: "git's plumbing: a ref of commits",
        program: "git",
        counts: false,
        is_slow: false,
        make: |place, n| import(place, n, "refs/records/record-", ""),
        create: "blob=$(echo \"$1\" | git hash-object -w --stdin) && \
            tree=$(printf '100644 blob %s\\tstate\\n' \"$blob\" | git mktree) && \
            commit=$(git commit-tree -m \"record $1\" \"$tree\") && \
            git update-ref \"refs/records/new-$1\" \"$commit\"",
        transition: "tip=$(git rev-parse \"$2\") && \
            blob=$(echo \"$1\" | git hash-object -w --stdin) && \
            tree=$(printf '100644 blob %s\\tstate\\n' \"$blob\" | git mktree) && \
            commit=$(git commit-tree -p \"$tip\" -m \"state $1\" \"$tree\") && \
            git update-ref \"$2\" \"$commit\" \"$tip\"",
        pick: "echo refs/records/record-7",
    },
    Peer {
        name: "git notes",
        program: "git",
        counts: false,
        is_slow: false,
        make: |place, n| {
            import(place, n, "refs/heads/record-", "")?;
            sh(
                place,
                "git for-each-ref --format='%(objectname)' refs/heads/record-\\* | \
                while read -r oid; do echo \"$oid $oid\"; done | git notes copy --stdin 2>/dev/null; \
                git notes add -f -m 'state: b' record-7",
            )
        },
        create: "git notes add -f -m \"record $1\" \"record-$1\"",
        transition: "git notes append -m \"state: $1\" \"$2\"",
        pick: "echo record-7",
    },
    Peer {
        name: "fossil: a ticket",
        program: "fossil",
        counts: false,
        is_slow: true,
        make: |place, n| {
            sh(
                place,
                "export USER=ada; fossil init --admin-user ada records.fossil && \
                fossil open --keep records.fossil",
            )?;
            each(place, n, "USER=ada fossil ticket add title \"record $at\" status a")
        },
        create: "USER=ada fossil ticket add title \"record $1\" status a",
        transition: "USER=ada fossil ticket set \"$2\" status \"$1\"",
        pick: "fossil sql 'select tkt_uuid from ticket limit 1' | tr -d \"'\"",
    },
    Peer {
        name: "sqlite3: a row of a table, synced, no history",
        program: "sqlite3",
        counts: false,
        is_slow: false,
        make: |place, n| {
            sh(
                place,
                &format!(
                    "sqlite3 records.db 'create table record (id integer primary key, title, state); \
                 with recursive n(x) as (select 1 union all select x + 1 from n where x < {n}) \
                 insert into record select x, \"record\", \"a\" from n'"
                ),
            )
        },
        create: "sqlite3 records.db \"pragma synchronous = full; \
            insert into record (title, state) values ('record $1', 'a')\"",
        transition: "sqlite3 records.db \"pragma synchronous = full; \
            update record set state = '$1' where id = $2\"",
        pick: "echo 7",
    },
];

/// Measures ours with everybody's, and prints a row for each.
pub fn measure(
    out: &mut dyn Write,
    place: impl Fn(&str) -> Place,
    n_records: u64,
    n_runs: usize,
) -> io::Result<()> {
    let scale = Scale::make(place("ours"), n_records)?;
    let id = scale.open_id();
    writeln!(out, "\nProcessor time with {n_records} records, ours in turn with each\n")?;
    writeln!(
        out,
        "| beside | records | creates: ms | ours | times | changes state: ms | ours | times | goal | |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")?;
    for peer in PEERS {
        if !is_there(&place("ours"), peer.program) {
            writeln!(out, "| {} | not installed |", peer.name)?;
            continue;
        }
        let n = if peer.is_slow { n_records.min(N_FEW) } else { n_records };
        let theirs = place(peer.name.split(':').next().unwrap_or(peer.name));
        theirs.init();
        (peer.make)(&theirs, n)?;
        writeln!(out, "{}", peer.row(&theirs, &scale, &id, n, n_runs))?;
    }
    Ok(())
}

impl Peer {
    fn row(&self, theirs: &Place, scale: &Scale, id: &str, n: u64, n_runs: usize) -> String {
        let record = theirs.output("sh", &["-c", self.pick]);
        let mut costs = [const { Vec::new() }; 4];
        for at in 0..N_WARM_UPS + n_runs {
            let (number, state) = ((at + 1).to_string(), ["suspended", "running"][at % 2]);
            let letter = ["a", "b"][at % 2];
            let commands = [
                script(theirs, self.create, &[&number]),
                scale.session(&["create", &format!("record {number}")]),
                script(theirs, self.transition, &[letter, &record]),
                scale.session(&["transition", id, state]),
            ];
            for (costs, command) in costs.iter_mut().zip(commands) {
                let cpu = cost(command).cpu;
                if at >= N_WARM_UPS {
                    costs.push(cpu);
                }
            }
        }
        let [made, our_made, moved, our_moved] = costs.map(median);
        let times = [made / our_made, moved / our_moved];
        let verdict = match self.counts {
            true if times.iter().all(|it| *it >= GOAL) => format!("{GOAL:.1} | met"),
            true => format!("{GOAL:.1} | **not met**"),
            false => "|".to_owned(),
        };
        format!(
            "| {} | {n} | {made:.1} | {our_made:.1} | {:.1} | {moved:.1} | {our_moved:.1} | {:.1} | {verdict} |",
            self.name, times[0], times[1],
        )
    }
}

fn script(place: &Place, text: &str, args: &[&str]) -> Command {
    let words = [&["-c", text, "sh"], args].concat();
    place.command("sh", &words)
}

fn is_there(place: &Place, program: &str) -> bool {
    let mut look = script(place, "command -v \"$1\"", &[program]);
    look.stdout(Stdio::null()).status().is_ok_and(|it| it.success())
}

fn sh(place: &Place, text: &str) -> io::Result<()> {
    let output = script(place, text, &[]).output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}: {complaint}");
    Ok(())
}

/// Runs a script for each number, which it finds in `$at`.
fn each(place: &Place, n: u64, text: &str) -> io::Result<()> {
    let all =
        format!("at=0; while [ $at -lt {n} ]; do at=$((at + 1)); {text} >/dev/null || exit; done");
    sh(place, &all)
}

/// Makes that many commits, each on a ref of its own, or one after the other on the ref that ends in `chain`.
fn import(place: &Place, n: u64, prefix: &str, chain: &str) -> io::Result<()> {
    let mut child =
        place.command("git", &["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
    let mut feed = io::BufWriter::new(child.stdin.take().expect("it has a pipe"));
    let who = "Ada <ada@example.com> 1700000000 +0000";
    for at in 1..=n {
        let name = if chain.is_empty() { format!("{prefix}{at}") } else { prefix.to_owned() };
        let message = data(&format!("record {at}"));
        write!(
            feed,
            "commit {name}\ncommitter {who}\n{message}M 100644 inline state\n{}",
            data(&format!("{at}"))
        )?;
    }
    drop(feed);
    assert!(child.wait()?.success(), "git fast-import failed");
    place.git(&["pack-refs", "--all"]);
    Ok(())
}
