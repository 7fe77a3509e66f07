//! Unpacks the checked archives into `registry/`, `postgres/` and `redis/`, then removes them.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use crate::{
    error::{Doing as _, Error},
    java::Java,
    process::{self, Spec},
};

const WITHIN: Duration = Duration::from_secs(300);
const REDIS: &str = "redis-server-6.2.6-v5-linux-amd64";

pub(super) async fn unpack(java: &Java, dir: &Path) -> Result<(), Error> {
    let archives = dir.join("archives");
    let registry = archives.join("registry.tar.gz");
    let jar = java.jar.as_os_str();
    let log = dir.join("unpack.log");
    let run = async |program: OsString, mode: &str, archive: &Path, files: &[&str], into: &str| {
        let into = dir.join(into);
        fs::create_dir_all(&into).doing("make", &into)?;
        let name = format!("unpacking {}", archive.display());
        let spec = Spec::new(name, program, &log)
            .arg(mode)
            .arg(archive)
            .args(files)
            .dir(into)
            .start_within(WITHIN);
        process::to_end(&spec).await
    };
    let jars = [("postgres.jar", "postgres-linux-x86_64.txz"), ("redis.jar", REDIS)];
    for (archive, file) in jars {
        run(jar.into(), "xf", &archives.join(archive), &[file], "archives").await?;
    }
    run("tar".into(), "xzf", &registry, &[], "registry").await?;
    run("tar".into(), "xJf", &archives.join(jars[0].1), &[], "postgres").await?;

    let redis = dir.join("redis/redis-server");
    fs::create_dir_all(dir.join("redis")).doing("make", dir.join("redis"))?;
    fs::rename(archives.join(REDIS), &redis).doing("make", &redis)?;
    fs::set_permissions(&redis, Permissions::from_mode(0o755)).doing("allow to run", &redis)?;
    fs::remove_dir_all(&archives).doing("remove", &archives)
}
