//! The run loop with a debugger's door in it: `--gdb` and `-S`.

use std::os::fd::AsFd;

use cli::Io;
use debug::{Client, Outcome, Server};
use machine::{Action, Debuggee, Exit, Host, Machine, Wait};

use crate::host::{End, Terminal};

/// How a reset machine is built again; false ends the run.
pub type Restart<'a> = &'a mut dyn FnMut(&mut Machine) -> bool;

/// Runs `machine` to its end. With a server, clients may come and go meanwhile; `stopped`: the guest waits for the first.
pub fn run(
    machine: &mut Machine,
    host: &mut Terminal,
    server: Option<&Server>,
    mut stopped: bool,
    restart: Restart<'_>,
    io: &Io,
) -> Exit {
    loop {
        host.watch(server.and_then(|s| s.as_fd().try_clone_to_owned().ok()));
        let exit = if stopped { wait(machine, host) } else { machine.run(host) };
        host.watch(None);
        match exit {
            Exit::Reset if restart(machine) => continue,
            Exit::Attention => {}
            exit => return exit,
        }
        let mut client = match server.map(Server::accept) {
            Some(Ok(Some(client))) => client,
            Some(Err(e)) => {
                io.warn(format_args!("--gdb: {e}"));
                continue;
            }
            _ => continue,
        };
        match session(machine, host, &mut client, restart, io) {
            Ok(held) => stopped = held,
            Err(exit) => return exit,
        }
    }
}

/// Waits for a client, the guest standing still.
fn wait(machine: &Machine, host: &mut Terminal) -> Exit {
    machine.board().clock.freeze();
    let exit = loop {
        match host.poll(machine, Wait::Forever) {
            Action::Continue => {}
            Action::Attend => break Exit::Attention,
            Action::Quit => break Exit::Host,
        }
    };
    machine.board().clock.resume();
    exit
}

/// Serves a client. Ok: whether the guest stays stopped until the next one comes.
fn session(
    machine: &mut Machine,
    host: &mut Terminal,
    client: &mut Client,
    restart: Restart<'_>,
    io: &Io,
) -> Result<bool, Exit> {
    let kernel = host.names.kernel;
    let mut guest = Debuggee::new(machine, host, restart);
    guest.kernel = kernel;
    let outcome = debug::serve(client, &mut guest);
    let exit = guest.exit.unwrap_or(Exit::Host);
    match outcome {
        Outcome::Detached => Ok(false),
        Outcome::Killed => {
            host.end.get_or_insert(End::Left);
            Err(Exit::Host)
        }
        Outcome::Ended(_) | Outcome::Left => Err(exit),
        Outcome::Lost { stopped, error } => {
            if let Some(error) = error {
                io.warn(format_args!("--gdb: {error}"));
            }
            if stopped {
                io.warn("the debugger is gone; the guest stands still until another one attaches");
            }
            Ok(stopped)
        }
    }
}
