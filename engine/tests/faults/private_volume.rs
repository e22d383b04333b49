//! A volume of so many bytes that only the processes of a test see: a tmpfs in a mount namespace. Root is not needed
//! where the system lets its users have namespaces.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{is_full, tell};

/// Mounts, says so, and stays until its stdin ends.
const KEEP: &str = r#"mount -t tmpfs -o size="$1",mode=755 tmpfs "$2" && echo mounted && exec cat > /dev/null"#;
/// With a user namespace, as anybody; without, as root.
const NAMESPACES: [&str; 2] = ["-Urm", "-m"];

/// A mounted volume. It is gone when this is dropped and no process uses it.
pub(crate) struct PrivateVolume {
    keeper: Child,
    folder: PathBuf,
    has_users: bool,
}

impl PrivateVolume {
    /// A volume of this size (`2m`) at a folder. `None` where the system refuses: then the test has not looked, and that
    /// is said.
    pub(crate) fn mount(test: &str, folder: &Path, size: &str) -> Option<Self> {
        static N_SKIPPED: AtomicUsize = AtomicUsize::new(0);
        std::fs::create_dir_all(folder).unwrap();
        let mut reasons = Vec::new();
        for namespaces in NAMESPACES {
            match Self::try_mount(namespaces, folder, size) {
                Ok(volume) => return Some(volume),
                Err(reason) => reasons.push(reason),
            }
        }
        let n_skipped = N_SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
        let skipped = format!("{test}: SKIPPED, NOT LOOKED AT ({n_skipped} so far): {}", reasons.join("; "));
        assert!(!is_full(), "{skipped}");
        tell(&skipped);
        None
    }

    fn try_mount(namespaces: &str, folder: &Path, size: &str) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args([namespaces, "sh", "-c", KEEP, "sh", size]).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut keeper = command.spawn().map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said == "mounted\n" {
            return Ok(Self { keeper, folder: folder.to_owned(), has_users: namespaces.contains('U') });
        }
        let mut reason = String::new();
        keeper.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
        keeper.wait().unwrap();
        Err(reason.trim().to_owned())
    }

    /// What a command begins with that sees the volume.
    pub(crate) fn enter(&self) -> Vec<String> {
        let process = self.keeper.id().to_string();
        let mut words = vec!["nsenter".to_owned(), "--target".to_owned(), process, "--mount".to_owned()];
        if self.has_users {
            words.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        words
    }

    #[track_caller]
    fn run(&self, words: &[&str]) {
        let enter = self.enter();
        let output = Command::new(&enter[0]).args(&enter[1..]).args(words).arg(&self.folder).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Gives the volume another size.
    #[track_caller]
    pub(crate) fn resize(&self, size: &str) {
        self.run(&["mount", "-o", &format!("remount,size={size}")]);
    }

    /// Takes the right to change anything away: what is opened from here on is read-only.
    #[track_caller]
    pub(crate) fn protect(&self) {
        let folder = self.folder.to_str().unwrap();
        self.run(&["mount", "-o", "bind,ro", folder]);
    }

    /// Gives it back.
    #[track_caller]
    pub(crate) fn unprotect(&self) {
        self.run(&["umount", "-l"]);
    }
}

impl Drop for PrivateVolume {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _reaped = self.keeper.wait();
    }
}
