//! Entries in files, which processes may share: one file an entry, put in its place by a rename, so that a reader sees all of it or
//! nothing. Nothing is locked: a process that dies leaves at most a file that nobody looks for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::entry::Entry;
use super::key::hex;

/// What this library owns in the directory that a program names: other files there are not touched.
const OWN: &str = "edgequake-1";
const UNFINISHED: &str = "tmp";
/// An unfinished file of this age belongs to a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);
/// The time of last use is written at most that often.
const TOUCH: Duration = Duration::from_secs(60);
/// The directory is measured about once in this part of its limit that is written, by whichever process.
const MEASURE: u64 = 16;

pub struct Disk {
    root: PathBuf,
    max_bytes: u64,
    max_entry: u64,
}

impl Disk {
    /// Touches nothing yet. Entries take about `max_bytes`, those used last longest ago go first; one larger than `max_entry` is a miss.
    pub fn new(dir: &Path, max_bytes: u64, max_entry: u64) -> Disk {
        Disk { root: dir.join(OWN), max_bytes, max_entry }
    }

    /// The entry of `key`. A file that is damaged, or no entry of this format, is a miss and goes.
    pub fn get(&self, key: &str, now: u64) -> io::Result<Option<Entry>> {
        let path = self.path(key);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let facts = file.metadata()?;
        let mut bytes = Vec::new();
        if facts.len() <= self.max_entry {
            bytes.reserve_exact(facts.len() as usize);
            (&mut file).take(self.max_entry).read_to_end(&mut bytes)?;
        }
        let entry = Entry::decode(key, &bytes).filter(|entry| entry.expires.is_none_or(|end| end > now));
        if entry.is_none() {
            let _ = fs::remove_file(&path);
        } else if facts.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > TOUCH)) {
            // Where this fails, an entry in use goes a little earlier than it should.
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(entry)
    }

    pub fn put(&self, key: &str, entry: &Entry) -> io::Result<()> {
        let bytes = entry.encode(key);
        if bytes.len() as u64 > self.max_entry.min(self.max_bytes) {
            return Ok(());
        }
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root);
        let unfinished = folder.join(format!("{}-{:016x}.{UNFINISHED}", std::process::id(), fastrand::u64(..)));
        let mut file = match create(&unfinished) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folders(folder)?;
                create(&unfinished)?
            }
            done => done?,
        };
        let written = file.write_all(&bytes).and_then(|()| {
            // Closed before the rename, which some systems refuse for an open file. It is not forced to the disk: what a power failure
            // leaves of it fails its checksum.
            drop(file);
            fs::rename(&unfinished, &path)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        if fastrand::u64(..(self.max_bytes / MEASURE).max(1)) < bytes.len() as u64 {
            self.shrink()?;
        }
        Ok(())
    }

    /// Was there an entry?
    pub fn remove(&self, key: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(key)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn clear(&self) -> io::Result<()> {
        self.each(|path, _| match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }

    /// Is there a directory that can be written to? Makes it where it is missing.
    pub fn ping(&self) -> io::Result<()> {
        make_folders(&self.root)?;
        let probe = self.root.join(format!("{}-{:016x}.{UNFINISHED}", std::process::id(), fastrand::u64(..)));
        create(&probe)?.write_all(OWN.as_bytes())?;
        fs::remove_file(probe)
    }

    /// Removes what processes left that died, and then the entries that were used last longest ago until there is room again.
    fn shrink(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        self.each(|path, facts| {
            let used = facts.modified()?;
            if path.extension().is_none_or(|extension| extension != UNFINISHED) {
                entries.push((used, facts.len(), path.to_owned()));
            } else if used.elapsed().is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(path);
            }
            Ok(())
        })?;
        let mut size: u64 = entries.iter().map(|(_, size, _)| size).sum();
        if size <= self.max_bytes {
            return Ok(());
        }
        entries.sort_unstable();
        let goal = self.max_bytes - self.max_bytes / MEASURE;
        for (_, bytes, path) in entries {
            if size <= goal {
                break;
            }
            // Another process may have been here first.
            let _ = fs::remove_file(path);
            size = size.saturating_sub(bytes);
        }
        Ok(())
    }

    /// Calls `act` for every file of this library's. Files that others take away meanwhile are passed over.
    fn each(&self, mut act: impl FnMut(&Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
        let list = |folder: &Path| match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            done => done.map(Some),
        };
        for folder in list(&self.root)?.into_iter().flatten() {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in list(&folder.path())?.into_iter().flatten() {
                let file = file?;
                match file.metadata() {
                    Ok(facts) if facts.is_file() => act(&file.path(), &facts)?,
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The file of a key, which may be any text: two levels, since some file systems are slow with many files in one directory.
    fn path(&self, key: &str) -> PathBuf {
        let name = hex(&Sha256::digest(key));
        self.root.join(&name[..2]).join(name)
    }
}

/// A new file that only its owner may read: answers are as private as the questions.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folders(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    /// A directory that goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            Folder(std::env::temp_dir().join(format!("edgequake-cache-{}-{:016x}", std::process::id(), fastrand::u64(..))))
        }

        fn files(&self) -> Vec<PathBuf> {
            let mut found = Vec::new();
            Disk::new(&self.0, 0, 0)
                .each(|path, _| {
                    found.push(path.to_owned());
                    Ok(())
                })
                .unwrap();
            found
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn entries_come_back_and_files_are_their_owners() {
        let folder = Folder::new();
        let disk = Disk::new(&folder.0, 1 << 20, 1 << 20);
        assert_eq!(disk.get("key", 0).unwrap(), None);
        let first = entry(0, Some(1000), b"one");
        disk.put("key", &first).unwrap();
        assert_eq!(Disk::new(&folder.0, 1 << 20, 1 << 20).get("key", 999).unwrap(), Some(first), "also to another process");
        disk.put("key", &entry(0, None, b"two")).unwrap();
        assert_eq!(disk.get("key", 9999).unwrap().unwrap().answer, b"two");
        assert_eq!(folder.files().len(), 1, "and no unfinished file is left");
        #[cfg(unix)]
        for (path, mode) in [(&folder.files()[0], 0o600), (&folder.0.join(OWN), 0o700)] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
        }
        assert!(disk.remove("key").unwrap() && !disk.remove("key").unwrap());
        disk.put("expired", &entry(0, Some(5), b"old")).unwrap();
        assert_eq!(disk.get("expired", 5).unwrap(), None);
        assert!(folder.files().is_empty());
    }

    #[test]
    fn a_damaged_file_is_a_miss_and_goes() {
        let folder = Folder::new();
        let disk = Disk::new(&folder.0, 1 << 20, 1 << 20);
        disk.put("key", &entry(0, None, b"{}")).unwrap();
        let path = folder.files().remove(0);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&path, &bad).unwrap();
            assert_eq!(disk.get("key", 0).unwrap(), None, "byte {at}");
            assert!(!path.exists());
        }
        fs::write(&path, b"").unwrap();
        assert_eq!(disk.get("key", 0).unwrap(), None);
        disk.put("key", &entry(0, None, b"{}")).unwrap();
        assert!(disk.get("key", 0).unwrap().is_some());
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let folder = Folder::new();
        let disk = Disk::new(&folder.0, 20_000, 20_000);
        for number in 0..60 {
            disk.put(&number.to_string(), &entry(0, None, &[b'x'; 1000])).unwrap();
            let file = OpenOptions::new().write(true).open(disk.path(&number.to_string())).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(1000 - number)).unwrap();
        }
        disk.shrink().unwrap();
        let size: u64 = folder.files().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!((10_000..=20_000).contains(&size), "{size}");
        assert!(disk.get("0", 0).unwrap().is_none() && disk.get("59", 0).unwrap().is_some());
        disk.put("large", &entry(0, None, &[b'x'; 30_000])).unwrap();
        assert!(disk.get("large", 0).unwrap().is_none() && disk.get("59", 0).unwrap().is_some());
    }

    #[test]
    fn only_what_is_the_librarys_own_is_removed() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("cache.db"), b"somebody else's").unwrap();
        let disk = Disk::new(&folder.0, 1 << 20, 1 << 20);
        disk.ping().unwrap();
        disk.put("key", &entry(0, None, b"{}")).unwrap();
        let abandoned = folder.files()[0].with_extension(UNFINISHED);
        fs::write(&abandoned, b"half").unwrap();
        File::options().write(true).open(&abandoned).unwrap().set_modified(SystemTime::now() - ABANDONED * 2).unwrap();
        disk.shrink().unwrap();
        assert!(!abandoned.exists() && disk.get("key", 0).unwrap().is_some());
        disk.clear().unwrap();
        assert!(folder.files().is_empty() && folder.0.join("cache.db").exists());
        disk.clear().unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_not_a_panic() {
        let folder = Folder::new();
        fs::write(&folder.0, b"a file").unwrap();
        let disk = Disk::new(&folder.0, 1 << 20, 1 << 20);
        assert!(disk.put("key", &entry(0, None, b"{}")).is_err() && disk.ping().is_err());
        assert!(disk.get("key", 0).is_err());
        fs::remove_file(&folder.0).unwrap();
    }
}
