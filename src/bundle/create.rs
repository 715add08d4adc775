//! Writing a bundle.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::format::{Head, Label, MAGIC, Repo, START, THINNED, Trailer, WHOLE};
use crate::history::{self, LetGo, Location, Log, Revision};
use crate::interrupt::undo_with;
use crate::object::{Commit, CommitId, Digest, ObjectKind};
use crate::pack::{self, Codec};
use crate::progress::Progress;
use crate::store::Store;
use crate::transfer::{self, Choice, Copied, Delivery, LocalPeer, Names, Parcel, Peer, choose, copy};

/// A bundle that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// What it is of.
    pub head: Head,
    /// What is in it.
    pub copied: Copied,
    /// Its length in bytes.
    pub size: u64,
}

/// Makes the bundle `path` of what was chosen, without the commits `since`, which are looked for in each of the repos, and their
/// history. A file of that name is replaced.
pub fn create(
    store: &Store,
    path: &Path,
    choices: &[Choice],
    since: &[Revision],
    progress: &dyn Progress,
) -> Result<Created, Error> {
    let peer = LocalPeer::from(store.clone());
    let mut names = choose(&peer.names()?, choices, &peer.place())?;
    names.sort_by(|a, b| a.repo.cmp(&b.repo));
    let known = known(store, &names, since)?;
    let heads: Vec<CommitId> = names.iter().flat_map(Names::commits).collect();
    if heads.iter().all(|id| known.contains(id)) {
        return Err(Error::Empty);
    }
    let fail = |verb| move |source| Error::Io { verb, path: path.to_owned(), source };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::metadata(dir).map_err(fail("write"))?;
    let mut draft = tempfile::Builder::new();
    draft.prefix(".vds-bundle-").permissions(Permissions::from_mode(0o666));
    let draft = draft.tempfile_in(dir).map_err(fail("write"))?;
    let place = draft.path().to_owned();
    let _undoing = undo_with(move || drop(fs::remove_file(place)));
    let mut writing = Writing::new(draft.as_file(), path, known);
    let copied = copy(&peer, &mut writing, &heads, progress)?;
    let (head, size) = writing.end(&names)?;
    let kept = || {
        draft.as_file().sync_all()?;
        draft.persist(path).map_err(|error| error.error)?;
        File::open(dir)?.sync_all()
    };
    kept().map_err(fail("write"))?;
    Ok(Created { head, copied, size })
}

/// The commits `since` of each repo, and their history.
fn known(store: &Store, names: &[Names], since: &[Revision]) -> Result<HashSet<CommitId>, Error> {
    let mut heads = Vec::new();
    for names in names {
        for rev in since {
            let location = Location { repo: names.repo.clone(), rev: rev.clone(), path: None };
            heads.push(history::resolve(store.session()?, store.objects(), &location)?.commit);
        }
    }
    let log = Log::new(store.objects(), heads);
    log.map(|item| item.map(|(id, _)| id).map_err(Error::from)).collect()
}

/// A bundle that is being written: where objects are delivered to.
#[derive(Debug)]
struct Writing<'a> {
    file: BufWriter<&'a File>,
    path: PathBuf,
    hasher: blake3::Hasher,
    len: u64,
    /// What is in it; some 50 bytes an object in memory.
    objects: HashMap<Digest, ObjectKind>,
    /// The commits that whoever takes it has, all their history among them.
    known: HashSet<CommitId>,
    needs: BTreeSet<CommitId>,
    /// The commits whose files were let go.
    gone: BTreeMap<CommitId, LetGo>,
    /// How the tables of results were let go, if they were.
    results: Option<LetGo>,
}

impl<'a> Writing<'a> {
    fn new(file: &'a File, path: &Path, known: HashSet<CommitId>) -> Self {
        let (file, hasher) = (BufWriter::with_capacity(1 << 20, file), blake3::Hasher::new());
        let (objects, needs, gone) = (HashMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { file, path: path.to_owned(), hasher, len: 0, objects, known, needs, gone, results: None }
    }

    /// Writes how it begins, unless it has begun: by then it is known what was let go.
    fn begin(&mut self) -> io::Result<()> {
        if self.len > 0 {
            return Ok(());
        }
        self.append(MAGIC)?;
        self.append(&[if self.gone.is_empty() && self.results.is_none() { WHOLE } else { THINNED }])?;
        debug_assert_eq!(self.len, START);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn add(&mut self, parcel: &Parcel) -> io::Result<()> {
        let Parcel { digest, kind, bytes } = parcel;
        if self.objects.insert(*digest, *kind).is_some() {
            return Ok(());
        }
        // A list of chunks is all digests, in which nothing is to be saved.
        let packed = if *kind == ObjectKind::Manifest { None } else { pack::compress(bytes) };
        let (codec, stored) = packed.as_ref().map_or((Codec::Raw, &**bytes), |packed| (Codec::Zstd, packed));
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        let label =
            Label { digest: *digest, kind: *kind, codec, stored: length(stored)?, len: length(bytes)? };
        self.append(&label.to_bytes())?;
        self.append(stored)
    }

    fn fail(&self) -> impl Fn(io::Error) -> transfer::Error + use<> {
        let place = self.path.display().to_string();
        move |source| transfer::Error::Io { verb: "write", place: place.clone(), source }
    }

    /// Writes what it is of, and the end.
    fn end(mut self, names: &[Names]) -> Result<(Head, u64), Error> {
        let heads = names.iter().flat_map(Names::commits);
        self.needs.extend(heads.filter(|id| !self.objects.contains_key(id.digest())));
        let repo = |names: &Names| Repo {
            name: names.repo.clone(),
            description: names.description.clone(),
            branches: names.branches.clone(),
            tags: names.tags.clone(),
        };
        let path = self.path.clone();
        self.begin().map_err(|source| Error::Io { verb: "write", path: path.clone(), source })?;
        let head = Head {
            needs: self.needs.iter().copied().collect(),
            repos: names.iter().map(repo).collect(),
            thinned: grouped(std::mem::take(&mut self.gone)),
            results: self.results.take(),
        };
        let trailer = Trailer { head: self.len, objects: self.objects.len() as u64 };
        let mut write = || {
            let bytes = head.to_bytes().map_err(io::Error::other)?;
            self.append(&bytes)?;
            self.append(&trailer.to_bytes())?;
            let check = *self.hasher.finalize().as_bytes();
            self.append(&check)?;
            self.file.flush()
        };
        write().map_err(|source| Error::Io { verb: "write", path, source })?;
        Ok((head, self.len))
    }
}

/// The commits by when their files were let go, and by which rules.
fn grouped(gone: BTreeMap<CommitId, LetGo>) -> Vec<(LetGo, Vec<CommitId>)> {
    let mut groups: BTreeMap<(i64, String), Vec<CommitId>> = BTreeMap::new();
    for (id, LetGo { time, rules }) in gone {
        groups.entry((time, rules)).or_default().push(id);
    }
    groups.into_iter().map(|((time, rules), commits)| (LetGo { time, rules }, commits)).collect()
}

impl Delivery for Writing<'_> {
    fn have(&self, ids: &[Digest]) -> Result<Vec<Option<ObjectKind>>, transfer::Error> {
        let known = |id: &Digest| self.known.contains(&CommitId::new(*id)).then_some(ObjectKind::Commit);
        Ok(ids.iter().map(|id| self.objects.get(id).copied().or_else(|| known(id))).collect())
    }

    fn has_files(&self, commit: CommitId) -> Result<bool, transfer::Error> {
        Ok(!self.gone.contains_key(&commit))
    }

    fn let_go(&mut self, gone: &[(CommitId, LetGo)]) -> Result<(), transfer::Error> {
        assert_eq!(self.len, 0, "it has begun as one whose commits all have their files");
        let is_new = |(id, _): &&(CommitId, LetGo)| !self.known.contains(id);
        self.gone.extend(gone.iter().filter(is_new).cloned());
        Ok(())
    }

    fn let_go_results(&mut self, gone: &LetGo) -> Result<(), transfer::Error> {
        assert_eq!(self.len, 0, "it has begun as one whose commits all have their results");
        self.results = Some(gone.clone());
        Ok(())
    }

    fn put(&mut self, parcels: &[Parcel]) -> Result<(), transfer::Error> {
        self.begin().map_err(self.fail())?;
        for parcel in parcels {
            self.add(parcel).map_err(self.fail())?;
            if parcel.kind == ObjectKind::Commit {
                let id = CommitId::new(parcel.digest);
                let commit = Commit::from_bytes(&parcel.bytes)
                    .map_err(|source| history::Error::Record { id, source })?;
                let before = commit.parents.iter().filter(|id| !self.objects.contains_key(id.digest()));
                self.needs.extend(before);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), transfer::Error> {
        Ok(())
    }
}
