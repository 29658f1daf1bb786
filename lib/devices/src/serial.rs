//! What all serial ports have in common: a receive queue of the device and the host's end of both ways.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes kept when nobody takes the output away; the oldest go first.
const OUTBOX_LIMIT: usize = 1 << 20;

/// What the guest sent, waiting for the host to take it. Clones are the same box.
#[derive(Debug, Clone, Default)]
pub struct Outbox(Arc<Mutex<VecDeque<u8>>>);

impl Outbox {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The device sends a byte.
    pub fn send(&self, byte: u8) {
        let mut queue = self.queue();
        if queue.len() == OUTBOX_LIMIT {
            queue.pop_front();
        }
        queue.push_back(byte);
    }

    /// The host takes everything sent since it last did.
    pub fn take(&self) -> Vec<u8> {
        self.queue().drain(..).collect()
    }
}

/// A serial port as the host sees it.
pub trait Serial: Send {
    /// Offers bytes from the host; the port takes as many as its receive queue has room for and says
    /// how many. The rest is offered again later.
    fn receive(&mut self, bytes: &[u8]) -> usize;

    /// Tells the port whether anybody is at the other end of the line. Ports without a modem status do not care.
    fn hang_up(&mut self, _hung_up: bool) {}
}

/// A receive queue of bounded depth.
#[derive(Debug)]
pub struct ReceiveQueue {
    bytes: VecDeque<u8>,
    depth: usize,
}

impl ReceiveQueue {
    /// With room for `depth` bytes.
    pub fn new(depth: usize) -> Self {
        Self { bytes: VecDeque::with_capacity(depth), depth }
    }

    /// Takes what there is room for; says how many.
    pub fn offer(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.depth - self.bytes.len().min(self.depth));
        self.bytes.extend(bytes.iter().take(n));
        n
    }

    /// The oldest byte.
    pub fn pop(&mut self) -> Option<u8> {
        self.bytes.pop_front()
    }

    /// Bytes waiting.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= self.depth
    }

    /// Drops what is waiting.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}
