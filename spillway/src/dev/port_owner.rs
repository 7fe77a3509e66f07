//! Which process listens on a port of this machine, as far as `/proc` tells this user.

use std::{fs, path::Path};

/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The name and number of the process that listens on `port`, such as `nginx (process 812)`.
pub(super) fn of(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inode = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| inode_of(&table, port))?;
    let (id, process) = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            // `/proc` also has names such as `self`, which say the same under another name.
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((id, entry.path()))
        })
        .find(|(_, process)| has_socket(process, &inode))?;
    let name = fs::read_to_string(process.join("comm")).ok()?;
    Some(format!("{} (process {id})", name.trim()))
}

/// The inode of the socket that listens on `port`.
fn inode_of(table: &str, port: u16) -> Option<String> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace();
        let local = columns.nth(1)?;
        let state = columns.nth(1)?;
        let inode = columns.nth(5)?;
        (local.ends_with(&suffix) && state == LISTEN).then(|| inode.to_owned())
    })
}

fn has_socket(process: &Path, inode: &str) -> bool {
    let wanted = format!("socket:[{inode}]");
    let Ok(files) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|target| target.as_os_str() == wanted.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0
   1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4343 1 0
";

    #[test]
    fn only_a_listening_socket_of_that_port_counts() {
        assert_eq!(inode_of(TABLE, 8080).as_deref(), Some("4242"));
        assert_eq!(inode_of(TABLE, 8081), None);
        assert_eq!(inode_of(TABLE, 80), None);
    }
}
