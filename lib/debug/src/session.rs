//! One client's session: bytes in, bytes out, and the guest run in between.

use std::os::fd::AsFd;

use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, MultiThreadStopReason};

use cpu::Stop;

use crate::listen::Client;
use crate::packet::{self, Framer, Piece};
use crate::stub::{Stub, thread};
use crate::target::{Event, Target};
use crate::{Error, lldb};

/// Most bytes of answers to one piece of input.
const MOST_OUTPUT: usize = 1 << 20;

/// How a session ended.
#[derive(Debug)]
pub enum Outcome {
    /// The client let the guest go: it may run on.
    Detached,
    /// The client wants the guest ended.
    Killed,
    /// The guest ended, with this status.
    Ended(u32),
    /// The user ended the run.
    Left,
    /// The connection is gone without a farewell. The guest was standing still (true) or running (false).
    Lost {
        /// Whether the guest was held by the client.
        stopped: bool,
        /// What happened, unless the client just closed the connection.
        error: Option<Error>,
    },
}

/// Answers on their way to the client.
#[derive(Debug, Default)]
struct Outgoing(Vec<u8>);

impl Connection for Outgoing {
    type Error = Error;

    fn write(&mut self, byte: u8) -> Result<(), Error> {
        self.write_all(&[byte])
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.0.len().saturating_add(bytes.len()) > MOST_OUTPUT {
            return Err(Error::Flood { most: MOST_OUTPUT });
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

type Machine<'t> = GdbStubStateMachine<'static, Stub<'t>, Outgoing>;

/// A session.
struct Session<'t> {
    stub: Stub<'t>,
    framer: Framer,
    /// The client asked to do without acknowledgements.
    silent: bool,
}

fn protocol(e: impl std::fmt::Display) -> Error {
    Error::Protocol(e.to_string())
}

impl<'t> Session<'t> {
    /// Gives bytes to `gdbstub`, which is in whatever state it is.
    fn feed(&mut self, mut machine: Machine<'t>, bytes: &[u8]) -> Result<Machine<'t>, Error> {
        for byte in bytes {
            machine = match machine {
                GdbStubStateMachine::Idle(m) => m.incoming_data(&mut self.stub, *byte),
                GdbStubStateMachine::Running(m) => m.incoming_data(&mut self.stub, *byte),
                other => return Ok(other),
            }
            .map_err(protocol)?;
            if let GdbStubStateMachine::CtrlCInterrupt(m) = machine {
                let reason = MultiThreadStopReason::SignalWithThread {
                    tid: thread(self.stub.guest.current()),
                    signal: Signal::SIGINT,
                };
                machine = m.interrupt_handled(&mut self.stub, Some(reason)).map_err(protocol)?;
            }
        }
        Ok(machine)
    }

    /// Takes what the client sent.
    fn take(&mut self, mut machine: Machine<'t>, bytes: &[u8]) -> Result<Machine<'t>, Error> {
        for byte in bytes {
            let packet = match self.framer.push(*byte)? {
                None => continue,
                Some(Piece::Byte(byte)) => {
                    machine = self.feed(machine, &[byte])?;
                    continue;
                }
                Some(Piece::Packet(packet)) => packet,
            };
            let body = packet::body(&packet);
            if let (GdbStubStateMachine::Idle(m), Some(body)) = (&mut machine, body)
                && let Some(answer) = lldb::answer(&*self.stub.guest, body)
            {
                let conn = m.borrow_conn();
                if !self.silent {
                    conn.write(b'+')?;
                }
                conn.write_all(&packet::packet(&answer))?;
                continue;
            }
            machine = self.feed(machine, &packet)?;
            self.silent |= body == Some(b"QStartNoAckMode");
        }
        Ok(machine)
    }

    /// Runs the guest until it has news, and tells them.
    fn run(
        &mut self,
        client: &mut Client,
        m: gdbstub::stub::state_machine::GdbStubStateMachineInner<
            'static,
            gdbstub::stub::state_machine::state::Running,
            Stub<'t>,
            Outgoing,
        >,
    ) -> Result<(Machine<'t>, Option<Outcome>), Error> {
        freeze(&*self.stub.guest, false);
        let event = loop {
            match self.stub.guest.run(client.as_fd()) {
                Event::Restarted => self.stub.arm(),
                event => break event,
            }
        };
        freeze(&*self.stub.guest, true);
        let (reason, outcome) = match event {
            Event::Input | Event::Restarted => {
                let mut bytes = [0; 4096];
                let n = client.read(&mut bytes)?;
                if n == 0 {
                    return Ok((m.into(), Some(Outcome::Lost { stopped: false, error: None })));
                }
                return Ok((self.take(m.into(), bytes.get(..n).unwrap_or_default())?, None));
            }
            Event::Stop { cpu, stop } => {
                let tid = thread(cpu);
                let reason = match stop {
                    Stop::Breakpoint => MultiThreadStopReason::SwBreak(tid),
                    Stop::Watchpoint { address, write } => {
                        let (kind, addr) = self.stub.hit(address, write);
                        MultiThreadStopReason::Watch { tid, kind, addr }
                    }
                    _ => MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGTRAP },
                };
                (reason, None)
            }
            Event::Ended(status) => {
                let code = u8::try_from(status).unwrap_or(u8::MAX);
                (MultiThreadStopReason::Exited(code), Some(Outcome::Ended(status)))
            }
            Event::Left => (MultiThreadStopReason::Terminated(Signal::SIGKILL), Some(Outcome::Left)),
        };
        self.stub.stopped();
        let machine = m.report_stop(&mut self.stub, reason).map_err(protocol)?;
        Ok((machine, outcome))
    }

    fn serve(&mut self, client: &mut Client) -> Result<Outcome, (bool, Error)> {
        let stub = GdbStub::builder(Outgoing::default())
            .packet_buffer_size(packet::PACKET)
            .build()
            .map_err(|e| (true, protocol(e)))?;
        let mut machine = stub.run_state_machine(&mut self.stub).map_err(|e| (true, protocol(e)))?;
        let mut outcome = None;
        loop {
            let running = matches!(machine, GdbStubStateMachine::Running(_));
            let failed = |e: Error| (!running, e);
            let out = match &mut machine {
                GdbStubStateMachine::Idle(m) => m.borrow_conn(),
                GdbStubStateMachine::Running(m) => m.borrow_conn(),
                GdbStubStateMachine::CtrlCInterrupt(m) => m.borrow_conn(),
                GdbStubStateMachine::Disconnected(m) => m.borrow_conn(),
            };
            let bytes = std::mem::take(&mut out.0);
            client.write_all(&bytes).map_err(|e| failed(e.into()))?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            machine = match machine {
                GdbStubStateMachine::Idle(m) => {
                    if !self.stub.guest.wait(client.as_fd()) {
                        return Ok(Outcome::Left);
                    }
                    let mut bytes = [0; 4096];
                    let n = client.read(&mut bytes).map_err(|e| failed(e.into()))?;
                    if n == 0 {
                        return Ok(Outcome::Lost { stopped: true, error: None });
                    }
                    self.take(m.into(), bytes.get(..n).unwrap_or_default()).map_err(failed)?
                }
                GdbStubStateMachine::Running(m) => {
                    let (machine, ended) = self.run(client, m).map_err(failed)?;
                    outcome = ended;
                    machine
                }
                GdbStubStateMachine::CtrlCInterrupt(m) => m
                    .interrupt_handled(&mut self.stub, None::<MultiThreadStopReason<u64>>)
                    .map_err(|e| failed(protocol(e)))?,
                GdbStubStateMachine::Disconnected(m) => {
                    return Ok(match m.get_reason() {
                        DisconnectReason::Kill => Outcome::Killed,
                        _ => Outcome::Detached,
                    });
                }
            };
        }
    }
}

/// Stops guest time or lets it run on.
fn freeze(guest: &dyn Target, on: bool) {
    if let Some(cpu) = guest.cpu(0) {
        if on { cpu.io.clock.freeze() } else { cpu.io.clock.resume() }
    }
}

/// Serves one client until one of the sides has had enough. The guest stands still when this begins; afterwards nothing that
/// the client asked of its CPUs remains, and time runs.
pub fn serve(client: &mut Client, guest: &mut dyn Target) -> Outcome {
    freeze(guest, true);
    let mut session = Session { stub: Stub::new(guest), framer: Framer::default(), silent: false };
    let outcome = session.serve(client).unwrap_or_else(|(stopped, error)| {
        let gone = matches!(&error, Error::Connection(e) if matches!(
            e.kind(),
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
        ));
        Outcome::Lost { stopped, error: Some(error).filter(|_| !gone) }
    });
    session.stub.disarm();
    freeze(guest, false);
    outcome
}
