//! Whether a condition holds for what has come to a branch.

use super::model::Condition;
use crate::history;
use crate::object::{CommitId, NodeId, ObjectRead};
use crate::pipeline::error::Error;
use crate::pipeline::pattern::PathPattern;
use crate::snapshot::{Change, Snapshot};

/// What has come to a branch since something of it was taken on.
pub struct News<'a> {
    /// Where to read it.
    pub objects: &'a dyn ObjectRead,
    /// What was taken on last; `None` if nothing ever was.
    pub taken: Option<CommitId>,
    /// Where the branch stands.
    pub head: CommitId,
    /// Which paths count; all, if nothing is said.
    pub glob: Option<&'a PathPattern>,
    /// When something was taken on last, or the counting began, in milliseconds since 1970.
    pub since: i64,
    /// The time now, in milliseconds since 1970.
    pub now: i64,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not. It may at this time (milliseconds since 1970), though nothing more comes.
    Not(Option<i64>),
}

impl Verdict {
    fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Not(None) }
    }

    fn by(moment: Option<i64>, now: i64) -> Self {
        if moment.is_some_and(|moment| moment <= now) { Self::Holds } else { Self::Not(moment) }
    }

    /// When it is to be asked again, though nothing more comes.
    fn next(self) -> Option<i64> {
        match self {
            Self::Holds => None,
            Self::Not(next) => next,
        }
    }
}

impl News<'_> {
    /// Whether the condition holds. Reads what has come, and stops as soon as it is enough.
    pub fn judge(&self, condition: &Condition) -> Result<Verdict, Error> {
        if self.taken == Some(self.head) { Ok(Verdict::Not(None)) } else { self.holds(condition) }
    }

    fn holds(&self, condition: &Condition) -> Result<Verdict, Error> {
        Ok(match condition {
            Condition::Commits(most) => Verdict::of(self.commits(*most)?.0 >= *most),
            Condition::Files(most) => Verdict::of(self.files(*most)? >= *most),
            Condition::Size(size) => Verdict::of(self.size(size.0)? >= size.0),
            Condition::Quiet(span) => {
                let last = history::load(self.objects, self.head)?.time;
                Verdict::by(last.checked_add(span.milliseconds()), self.now)
            }
            Condition::Cron(schedule) => {
                // A moment that passed before anything came says nothing about it.
                let from = self.commits(u64::MAX)?.1.max(self.since);
                Verdict::by(schedule.next(from), self.now)
            }
            Condition::Glob(glob) => Verdict::of(self.touches(glob)?),
            Condition::Changed => Verdict::of(self.changes()?.next().transpose()?.is_some()),
            Condition::Manual => Verdict::Not(None),
            Condition::All(conditions) => {
                let mut latest = None;
                let mut holds = true;
                for verdict in self.each(conditions)? {
                    holds &= verdict == Verdict::Holds;
                    latest = latest.max(verdict.next());
                }
                if holds { Verdict::Holds } else { Verdict::Not(latest) }
            }
            Condition::Any(conditions) => {
                let verdicts = self.each(conditions)?;
                if verdicts.contains(&Verdict::Holds) {
                    Verdict::Holds
                } else {
                    Verdict::Not(verdicts.into_iter().filter_map(Verdict::next).min())
                }
            }
        })
    }

    fn each(&self, conditions: &[Condition]) -> Result<Vec<Verdict>, Error> {
        conditions.iter().map(|condition| self.holds(condition)).collect()
    }

    /// How many commits have come, counted up to `most`, and when the oldest of them was made. Of a branch of which nothing was
    /// taken on yet, those before the counting began are not older than that.
    fn commits(&self, most: u64) -> Result<(u64, i64), Error> {
        let log = history::Log::new(self.objects, [self.head]);
        let log = match self.taken {
            Some(taken) => log.without(taken),
            None => log,
        };
        let (mut count, mut oldest) = (0, i64::MAX);
        for item in log {
            let (_, commit) = item?;
            count += 1;
            oldest = oldest.min(commit.time);
            if count >= most || (most == u64::MAX && oldest <= self.since) {
                break;
            }
        }
        Ok((count, oldest))
    }

    fn root(&self, commit: CommitId) -> Result<NodeId, Error> {
        Ok(history::load_whole(self.objects, commit)?.tree)
    }

    /// What differs from what was taken on last, among the paths that count.
    fn changes(&self) -> Result<impl Iterator<Item = Result<Change, Error>>, Error> {
        let now = Snapshot::new(self.objects, self.root(self.head)?);
        let prefix = self.prefix();
        let (differing, all) = match self.taken {
            Some(taken) => (Some(Snapshot::new(self.objects, self.root(taken)?).diff(&now, prefix)), None),
            None => (None, Some(now.scan(prefix)?)),
        };
        let new = |(path, entry)| Change { path, before: None, after: Some(entry) };
        let all = all.into_iter().flatten().map(move |file| Ok(new(file?)));
        let differing = differing.into_iter().flatten().map(|change| Ok(change?));
        Ok(differing
            .chain(all)
            .filter(|change: &Result<_, Error>| change.as_ref().map_or(true, |change| self.counts(change))))
    }

    fn files(&self, most: u64) -> Result<u64, Error> {
        let mut count = 0;
        for change in self.changes()? {
            count += u64::from(change?.after.is_some());
            if count >= most {
                break;
            }
        }
        Ok(count)
    }

    fn size(&self, most: u64) -> Result<u64, Error> {
        let mut size: u64 = 0;
        for change in self.changes()? {
            size = size.saturating_add(change?.after.map_or(0, |entry| entry.size));
            if size >= most {
                break;
            }
        }
        Ok(size)
    }

    /// Whether a path that the pattern covers was added or changed. That a mark of what is complete goes does not say that something is; one
    /// that went and came again does, though nothing differs in the end.
    fn touches(&self, glob: &PathPattern) -> Result<bool, Error> {
        let touched = |change: &Change| change.after.is_some() && glob.unit(change.path.as_str()).is_some();
        for change in self.changes()? {
            if touched(&change?) {
                return Ok(true);
            }
        }
        let Some(taken) = self.taken else { return Ok(false) };
        for item in history::Log::new(self.objects, [self.head]).without(taken) {
            let (id, commit) = item?;
            let Some(parent) = commit.parents.first() else { continue };
            // Whose files were let go.
            if history::find_let_go(self.objects, id)?.is_some()
                || history::find_let_go(self.objects, *parent)?.is_some()
            {
                continue;
            }
            let before = Snapshot::new(self.objects, self.root(*parent)?);
            for change in before.diff(&Snapshot::new(self.objects, commit.tree), self.prefix()) {
                let change = change?;
                if self.counts(&change) && touched(&change) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What all paths that count begin with.
    fn prefix(&self) -> &str {
        self.glob.map_or("", PathPattern::prefix)
    }

    /// Whether the path counts.
    fn counts(&self, change: &Change) -> bool {
        self.glob.is_none_or(|glob| glob.unit(change.path.as_str()).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::ledger::{Origin, OriginKind};
    use crate::object::access::memory::Objects;
    use crate::object::{Entry, FileKind};

    /// Commits, each with its time and the file that it adds: `5 a` or `7 b/c`, one on top of the other.
    fn history(commits: &[(i64, &str)]) -> (Objects, Vec<CommitId>) {
        let objects = Objects::default();
        let mut tree = crate::tree::empty(&objects).unwrap();
        let mut ids: Vec<CommitId> = Vec::new();
        for (time, path) in commits {
            if !path.is_empty() {
                let mut draft = Draft::new(tree);
                let kept = crate::content::keep_bytes(&objects, format!("{path}{time}").as_bytes()).unwrap();
                draft.put(path.parse().unwrap(), Entry { kind: FileKind::File, blob: kept.blob, size: 100 });
                tree = draft.finish(&objects).unwrap().0;
            }
            let (author, command) = ("Ann".to_owned(), String::new());
            let origin = Origin { time: *time, offset: 0, author, command, kind: OriginKind::Operation };
            let parents = ids.last().copied().into_iter().collect();
            let draft = history::Draft { parents, tree, message: String::new(), provenance: None };
            ids.push(history::write(&objects, draft, &origin).unwrap().0);
        }
        (objects, ids)
    }

    const MINUTE: i64 = 60_000;

    /// The verdict at `now` on four commits, at minutes 10, 20, 30 and 40, of which the first so many were taken, at `since`.
    fn verdict(condition: &str, taken: usize, since: i64, now: i64) -> Verdict {
        let (objects, ids) = history(
            &[(10, "a"), (20, "b/c"), (30, ""), (40, "b/d")].map(|(time, path)| (time * MINUTE, path)),
        );
        let condition: Condition = toml::from_str(condition).unwrap();
        let taken = taken.checked_sub(1).map(|last| ids[last]);
        let (since, now) = (since * MINUTE, now * MINUTE);
        News { objects: &objects, taken, head: ids[3], glob: None, since, now }.judge(&condition).unwrap()
    }

    #[test]
    fn what_has_come_is_counted_from_what_was_taken_last() {
        use Verdict::{Holds, Not};
        for (condition, taken, want) in [
            ("commits = 4", 0, Holds),
            ("commits = 3", 1, Holds),
            ("commits = 4", 1, Not(None)),
            ("commits = 1", 4, Not(None)),
            ("files = 2", 1, Holds),
            ("files = 3", 1, Not(None)),
            ("files = 3", 0, Holds),
            ("size = '1kB'", 0, Not(None)),
            ("glob = '/b/*'", 1, Holds),
            ("glob = '/b/c'", 2, Not(None)),
            ("glob = '/a'", 1, Not(None)),
            ("glob = '/a'", 0, Holds),
            ("changed = true", 2, Holds),
            ("changed = true", 4, Not(None)),
            ("manual = true", 0, Not(None)),
            ("any = [{ manual = true }, { files = 1 }]", 1, Holds),
            ("all = [{ manual = true }, { files = 1 }]", 1, Not(None)),
            ("all = [{ commits = 2 }, { files = 1 }]", 1, Holds),
        ] {
            assert_eq!(verdict(condition, taken, 10, 50), want, "{condition} after {taken}");
        }
    }

    #[test]
    fn a_commit_without_a_change_is_a_commit_and_no_change() {
        let (objects, ids) = history(&[(1, "a"), (2, "")]);
        let judge = |condition: &str| {
            let condition: Condition = toml::from_str(condition).unwrap();
            let news =
                News { objects: &objects, taken: Some(ids[0]), head: ids[1], glob: None, since: 1, now: 9 };
            news.judge(&condition).unwrap()
        };
        assert_eq!(judge("commits = 1"), Verdict::Holds);
        assert_eq!(judge("changed = true"), Verdict::Not(None));
        assert_eq!(judge("files = 1"), Verdict::Not(None));
    }

    #[test]
    fn time_alone_fulfils_what_waits_for_it_and_the_moment_is_told() {
        use Verdict::{Holds, Not};
        let at = |minute: i64| Not(Some(minute * MINUTE));
        for (condition, taken, since, now, want) in [
            ("quiet = '15m'", 1, 10, 54, at(55)),
            ("quiet = '15m'", 1, 10, 55, Holds),
            ("quiet = '15m'", 4, 10, 99, Not(None)),
            ("cron = '0 * * * *'", 1, 10, 59, at(60)),
            ("cron = '0 * * * *'", 1, 10, 60, Holds),
            // A moment that passed before anything came does not count: of minute 30 nothing was there to take, of 45 there is.
            ("cron = '*/15 * * * *'", 3, 20, 44, at(45)),
            ("cron = '*/15 * * * *'", 3, 20, 45, Holds),
            ("cron = '*/15 * * * *'", 4, 20, 99, Not(None)),
            ("any = [{ cron = '0 * * * *' }, { quiet = '15m' }]", 1, 10, 50, at(55)),
            ("all = [{ cron = '0 * * * *' }, { quiet = '15m' }]", 1, 10, 56, at(60)),
            ("all = [{ cron = '0 * * * *' }, { quiet = '15m' }]", 1, 10, 60, Holds),
        ] {
            assert_eq!(verdict(condition, taken, since, now), want, "{condition} after {taken} at {now}");
        }
    }
}
