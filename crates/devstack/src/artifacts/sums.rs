//! The table of SHA-256 sums: one `<sum>  <path>` per line, as `sha256sum` writes it.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::error::{Doing as _, Error};

/// Pinned sums by path, relative to the folder that holds the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table(BTreeMap<String, String>);

impl Table {
    /// Reads a table; empty lines and those that start with `#` mean nothing.
    ///
    /// # Errors
    /// [`Error::BadTable`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut sums = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (sum, path) = line
                .split_once("  ")
                .filter(|(sum, _)| is_sum(sum))
                .ok_or(Error::BadTable { line: index + 1 })?;
            sums.insert(path.to_owned(), sum.to_owned());
        }
        Ok(Self(sums))
    }

    /// The table of what `folders` of `dir` hold.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(dir: &Path, folders: &[&str]) -> Result<Self, Error> {
        let mut sums = BTreeMap::new();
        for path in files(dir, folders)? {
            let sum = sum(&dir.join(&path))?;
            sums.insert(path, sum);
        }
        Ok(Self(sums))
    }

    /// Checks that `folders` of `dir` hold exactly the files of this table with their sums. The
    /// first file that should not be there, or is not what it should be, is deleted.
    ///
    /// # Errors
    /// [`Error::UnlistedFile`], [`Error::WrongSum`], [`Error::MissingFile`], [`Error::Io`].
    pub fn verify(&self, dir: &Path, folders: &[&str]) -> Result<(), Error> {
        let found = files(dir, folders)?;
        for path in &found {
            let file = dir.join(path);
            let delete = || fs::remove_file(&file).doing("delete", &file);
            let Some(expected) = self.0.get(path) else {
                delete()?;
                return Err(Error::UnlistedFile(path.clone()));
            };
            let found = sum(&file)?;
            if found != *expected {
                delete()?;
                return Err(Error::WrongSum {
                    file: path.clone(),
                    expected: expected.clone(),
                    found,
                });
            }
        }
        match self.0.keys().find(|path| !found.contains(path)) {
            Some(path) => Err(Error::MissingFile(path.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(path, sum)| writeln!(f, "{sum}  {path}"))
    }
}

fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The files directly within `folders`, as `folder/name`.
fn files(dir: &Path, folders: &[&str]) -> Result<Vec<String>, Error> {
    let mut files = Vec::new();
    for folder in folders {
        let path = dir.join(folder);
        for file in fs::read_dir(&path).doing("read", &path)? {
            let name = file.doing("read", &path)?.file_name();
            files.push(format!("{folder}/{}", name.to_string_lossy()));
        }
    }
    Ok(files)
}

fn sum(file: &Path) -> Result<String, Error> {
    let mut hash = Sha256::new();
    let mut bytes = File::open(file).doing("open", file)?;
    io::copy(&mut bytes, &mut hash).doing("read", file)?;
    Ok(format!("{:x}", hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with two files, and its table.
    fn fetched() -> (tempfile::TempDir, Table) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("kafka")).unwrap();
        for name in ["a.jar", "b.jar"] {
            fs::write(dir.path().join("kafka").join(name), name).unwrap();
        }
        let table = Table::of(dir.path(), &["kafka"]).unwrap();
        (dir, table)
    }

    #[test]
    fn a_table_reads_back_as_it_was_written_and_accepts_its_files() {
        let (dir, table) = fetched();
        let copy = Table::parse(&format!("# a comment\n\n{table}")).unwrap();
        assert_eq!(copy, table);
        copy.verify(dir.path(), &["kafka"]).unwrap();
    }

    #[test]
    fn a_file_with_a_wrong_sum_is_deleted_and_named_with_both_sums() {
        let (dir, table) = fetched();
        let file = dir.path().join("kafka/b.jar");
        fs::write(&file, "tampered").unwrap();
        let refused = table.verify(dir.path(), &["kafka"]).unwrap_err();
        assert!(matches!(refused, Error::WrongSum { .. }), "{refused}");
        assert!(refused.to_string().starts_with("kafka/b.jar has the SHA-256 "), "{refused}");
        assert!(!file.exists());
        let next = table.verify(dir.path(), &["kafka"]).unwrap_err();
        assert!(matches!(next, Error::MissingFile(path) if path == "kafka/b.jar"));
    }

    #[test]
    fn a_file_that_nobody_pinned_is_deleted_because_a_class_path_would_load_it() {
        let (dir, table) = fetched();
        let file = dir.path().join("kafka/c.jar");
        fs::write(&file, "extra").unwrap();
        let refused = table.verify(dir.path(), &["kafka"]).unwrap_err();
        assert!(matches!(refused, Error::UnlistedFile(path) if path == "kafka/c.jar"));
        assert!(!file.exists());
    }

    #[test]
    fn a_line_that_is_not_a_sum_and_a_path_is_refused_with_its_number() {
        let refused = Table::parse("\nnonsense").unwrap_err();
        assert!(matches!(refused, Error::BadTable { line: 2 }));
    }

    #[test]
    fn the_pinned_table_names_every_artifact() {
        let table = Table::parse(crate::artifacts::SUMS).unwrap();
        for path in ["archives/registry.tar.gz", "archives/postgres.jar", "archives/redis.jar"] {
            assert!(table.0.contains_key(path), "{path}");
        }
        assert!(table.0.keys().any(|path| path.starts_with("kafka/kafka_2.13-")));
    }
}
