//! What the tests of the built tools share: the tools themselves, and a folder with the demo's files.
#![forbid(unsafe_code)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The top of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the checkout is there")
}

/// The folder with the six tools, built from the checkout once per test program, in the profile of the tests.
pub fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--bins"]).current_dir(root());
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        if profile == "release" {
            cargo.arg("--release");
        }
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        assert!(cargo.status().expect("cargo runs").success(), "the tools do not build");
        target.join(profile)
    })
}

/// A folder of its own that goes away with the value, holding the demo's files: `demo.ipsw`, its parts `kernelcache`,
/// `devicetree.im4p`, `ramdisk.dmg`, `trustcache.im4p`, and `boot.fit`, what ipsw-extract makes of it.
#[derive(Debug)]
pub struct DemoFolder(tempfile::TempDir);

impl DemoFolder {
    /// Writes the files.
    pub fn new() -> DemoFolder {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let put = |name: &str, data: &[u8]| std::fs::write(folder.path().join(name), data).expect("written");
        put("demo.ipsw", &guests::demo::ipsw().expect("the demo packs"));
        let parts = guests::demo::parts().expect("the demo packs");
        put("kernelcache", &parts.kernelcache);
        put("devicetree.im4p", &parts.device_tree);
        put("ramdisk.dmg", &parts.ramdisk);
        put("trustcache.im4p", &parts.trust_cache);
        let demo = DemoFolder(folder);
        demo.sh("ipsw-extract demo.ipsw > boot.fit").ok();
        demo
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a shell command line in it, with the tools in the search path and no terminal.
    pub fn sh(&self, command: &str) -> Ran {
        let mut sh = Command::new("bash");
        sh.args(["-o", "pipefail", "-c", command]).current_dir(self.path());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![tools().to_path_buf()];
        folders.extend(std::env::split_paths(&path));
        sh.env("PATH", std::env::join_paths(folders).expect("a search path"));
        run(sh, command)
    }

    /// A file's bytes.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

impl Default for DemoFolder {
    fn default() -> Self {
        DemoFolder::new()
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// The command line, for messages.
    pub command: String,
    /// Exit status; -1 when a signal ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> Ran {
        assert!(
            self.status == 0,
            "`{}` ended with {}\n{}{}",
            self.command,
            self.status,
            self.text(),
            self.stderr
        );
        self
    }

    /// Asserts a failure with this status, told in one line that begins with the tool's name, and not by a panic.
    #[track_caller]
    pub fn fails(self, status: i32, tool: &str) -> Ran {
        assert!(
            self.status == status,
            "`{}` ended with {}, not {status}: {}",
            self.command,
            self.status,
            self.stderr
        );
        assert!(self.stderr.starts_with(&format!("{tool}: ")), "`{}` said {}", self.command, self.stderr);
        assert_eq!(
            self.stderr.lines().count(),
            1,
            "`{}` said more than a line: {}",
            self.command,
            self.stderr
        );
        self
    }
}

/// No test needs longer; a command that does hangs.
const PATIENCE: Duration = Duration::from_secs(240);

fn run(mut command: Command, text: &str) -> Ran {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("bash runs");
    let out = drain(child.stdout.take().expect("piped"));
    let err = drain(child.stderr.take().expect("piped"));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("`{text}` did not end in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let take = |t: JoinHandle<std::io::Result<Vec<u8>>>| t.join().expect("joins").expect("read");
    Ran {
        command: text.to_string(),
        status: status.code().unwrap_or(-1),
        stdout: take(out),
        stderr: String::from_utf8_lossy(&take(err)).into_owned(),
    }
}

/// Reads a pipe to its end beside the test, so that a full pipe does not stop the command.
fn drain(mut from: impl Read + Send + 'static) -> JoinHandle<std::io::Result<Vec<u8>>> {
    std::thread::spawn(move || {
        let mut data = Vec::new();
        from.read_to_end(&mut data).map(|_| data)
    })
}
