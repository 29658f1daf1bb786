//! Virtio console (section 5.3): one port, no size, no control queue.

use std::collections::VecDeque;

use mem::Memory;

use super::queue::Queue;
use super::{Backend, Broken, VirtioMmio};
use crate::serial::{Outbox, Serial};

/// Queue on which the driver offers room.
const RECEIVE: usize = 0;
/// Bytes kept until the driver offers room.
const DEPTH: usize = 4096;
/// Bytes copied at a time.
const CHUNK: u64 = 4096;

/// The device.
#[derive(Debug)]
pub struct Console {
    outbox: Outbox,
    received: VecDeque<u8>,
}

impl Console {
    /// A console that sends to `outbox`.
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, received: VecDeque::new() }
    }

    fn receive(&mut self, queue: &mut Queue, memory: &Memory) -> Result<bool, Broken> {
        let mut used = false;
        while !self.received.is_empty() {
            let Some(chain) = queue.pop(memory)? else { break };
            let mut written = 0;
            for b in &chain.writable {
                let n = self.received.len().min(usize::try_from(b.len).unwrap_or(usize::MAX));
                let bytes: Vec<u8> = self.received.drain(..n).collect();
                memory.write_bytes(b.pa, &bytes).map_err(|_| Broken)?;
                written += n as u32;
            }
            queue.push(memory, &chain, written)?;
            used = true;
        }
        Ok(used)
    }

    fn transmit(&mut self, queue: &mut Queue, memory: &Memory) -> Result<bool, Broken> {
        let mut used = false;
        while let Some(chain) = queue.pop(memory)? {
            for b in &chain.readable {
                let mut at = 0;
                while at < b.len {
                    let n = CHUNK.min(b.len - at);
                    let pa = b.pa.checked_add(at).ok_or(Broken)?;
                    let bytes = memory.read_vec(pa, n).map_err(|_| Broken)?;
                    bytes.into_iter().for_each(|byte| self.outbox.send(byte));
                    at += n;
                }
            }
            queue.push(memory, &chain, 0)?;
            used = true;
        }
        Ok(used)
    }
}

impl Backend for Console {
    fn name(&self) -> &str {
        "virtio-console"
    }

    fn device_id(&self) -> u32 {
        3
    }

    fn queues(&self) -> usize {
        2
    }

    fn process(&mut self, index: usize, queue: &mut Queue, memory: &Memory) -> Result<bool, Broken> {
        if index == RECEIVE { self.receive(queue, memory) } else { self.transmit(queue, memory) }
    }

    fn reset(&mut self) {
        self.received.clear();
    }
}

impl Serial for VirtioMmio<Console> {
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(DEPTH.saturating_sub(self.backend.received.len()));
        self.backend.received.extend(bytes.iter().take(n));
        self.process(RECEIVE);
        n
    }
}
