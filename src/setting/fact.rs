//! Where settings lie among the facts.

use super::error::Error;
use super::key::Key;
use super::reserve::Reserve;
use super::retain::Rules;
use crate::amount::Size;
use crate::ledger::Session;
use crate::meta::Batch;
use crate::object::codec;

const VERSION: u8 = 1;

/// Where the settings of the store lie.
const OF_STORE: &[u8] = b"setting/";

/// Where the settings of repos lie, each under the repo's number.
const OF_REPO: &[u8] = b"repo-setting/";

/// Whose setting it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The store's.
    Store,
    /// That of the repo of this number.
    Repo(u64),
}

/// What a fact is about that is a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Whose setting it is.
    pub whose: Whose,
    /// Its name, which a later vds may have given it.
    pub name: String,
}

fn at(whose: Whose, key: Key) -> Vec<u8> {
    match whose {
        Whose::Store => [OF_STORE, key.name().as_bytes()].concat(),
        Whose::Repo(id) => [OF_REPO, &id.to_be_bytes(), key.name().as_bytes()].concat(),
    }
}

/// What the fact at `key` is about, if it is a setting.
pub fn subject(key: &[u8]) -> Option<Subject> {
    let (whose, name) = if let Some(name) = key.strip_prefix(OF_STORE) {
        (Whose::Store, name)
    } else {
        let (id, name) = key.strip_prefix(OF_REPO)?.split_first_chunk::<8>()?;
        (Whose::Repo(u64::from_be_bytes(*id)), name)
    };
    Some(Subject { whose, name: std::str::from_utf8(name).ok()?.to_owned() })
}

/// The value that the bytes of such a fact hold.
pub fn value(name: &str, bytes: &[u8]) -> Result<String, Error> {
    codec::decode(VERSION, bytes).map_err(|source| Error::Fact { what: name.to_owned(), source })
}

/// What `key` is set to, if it is.
pub fn find(facts: &Session, whose: Whose, key: Key) -> Result<Option<String>, Error> {
    facts.get(&at(whose, key))?.map(|bytes| value(key.name(), &bytes)).transpose()
}

/// Adds to `batch` that `key` is set to `to`, or to nothing, if it is still what it is.
pub fn put(
    facts: &Session,
    batch: &mut Batch,
    whose: Whose,
    key: Key,
    to: Option<&str>,
) -> Result<(), Error> {
    let record = |text: &str| {
        codec::encode(VERSION, &text).map_err(|source| Error::Fact { what: key.name().to_owned(), source })
    };
    let at = at(whose, key);
    batch.expect(at.clone(), facts.get(&at)?);
    batch.writes.push((at, to.map(record).transpose()?));
    Ok(())
}

/// How much of the disk is kept free.
pub fn reserve(facts: &Session) -> Result<Reserve, Error> {
    Ok(typed(facts, Whose::Store, Key::Reserve)?.unwrap_or_default())
}

/// Whether commands put small packs together.
pub fn auto_gc(facts: &Session) -> Result<bool, Error> {
    Ok(find(facts, Whose::Store, Key::AutoGc)?.is_none_or(|value| value != "off"))
}

/// How many bytes a branch of the repo of this number may hold.
pub fn quota(facts: &Session, repo: u64) -> Result<Option<Size>, Error> {
    typed(facts, Whose::Repo(repo), Key::Quota)
}

/// The rules of what collections keep.
pub fn retain(facts: &Session) -> Result<Rules, Error> {
    Ok(typed(facts, Whose::Store, Key::Retain)?.unwrap_or_default())
}

fn typed<T: std::str::FromStr<Err = String>>(
    facts: &Session,
    whose: Whose,
    key: Key,
) -> Result<Option<T>, Error> {
    let read = |value: String| value.parse().map_err(|reason| Error::Stored { key, value, reason });
    find(facts, whose, key)?.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_tells_what_its_fact_is_about() {
        for (whose, key) in [(Whose::Store, Key::Reserve), (Whose::Repo(7), Key::Quota)] {
            let name = key.name().to_owned();
            assert_eq!(subject(&at(whose, key)), Some(Subject { whose, name }));
        }
        for key in [&b"repo-setting/short"[..], b"repo/setting", b""] {
            assert_eq!(subject(key), None);
        }
    }
}
