//! Virtio entropy (section 5.4): repeatable pseudo-random bytes, so that runs can be repeated.

use mem::Memory;

use super::queue::Queue;
use super::{Backend, Broken};

/// Most bytes given for one request.
const LIMIT: u64 = 1 << 16;

/// The device.
#[derive(Debug)]
pub struct Rng {
    seed: u64,
    state: u64,
}

impl Rng {
    /// Bytes that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// SplitMix64: passes statistical tests, and secrecy is nobody's aim here.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

impl Backend for Rng {
    fn name(&self) -> &str {
        "virtio-rng"
    }

    fn device_id(&self) -> u32 {
        4
    }

    fn queues(&self) -> usize {
        1
    }

    fn process(&mut self, _: usize, queue: &mut Queue, memory: &Memory) -> Result<bool, Broken> {
        let mut used = false;
        while let Some(chain) = queue.pop(memory)? {
            let mut written = 0;
            for b in &chain.writable {
                let n = b.len.min(LIMIT - written);
                let bytes: Vec<u8> =
                    (0..n.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(n as usize).collect();
                memory.write_bytes(b.pa, &bytes).map_err(|_| Broken)?;
                written += n;
            }
            queue.push(memory, &chain, written as u32)?;
            used = true;
        }
        Ok(used)
    }

    fn reset(&mut self) {
        self.state = self.seed;
    }
}
