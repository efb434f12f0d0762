//! PyTorch's generator for the CPU, bit for bit: a 32-bit Mersenne twister and what is drawn from it.

use super::array::Array;
use super::meta::{Dtype, Shape};

const N: usize = 624;
const M: usize = 397;

/// The generator. `manual_seed(0)` is in force at the start of a run.
#[derive(Clone, Debug)]
pub struct Rng {
    state: Box<[u32; N]>,
    next: usize,
    cached_normal: Option<f64>,
}

impl Default for Rng {
    fn default() -> Self {
        Rng::new(0)
    }
}

impl Rng {
    /// As after `manual_seed(seed)`.
    pub fn new(seed: u64) -> Rng {
        let mut state = Box::new([0u32; N]);
        state[0] = seed as u32;
        for i in 1..N {
            state[i] = 1_812_433_253u32
                .wrapping_mul(state[i - 1] ^ (state[i - 1] >> 30))
                .wrapping_add(i as u32);
        }
        Rng {
            state,
            next: N,
            cached_normal: None,
        }
    }
    fn twist(&mut self) {
        for i in 0..N {
            let mixed = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if mixed & 1 == 0 { 0 } else { 0x9908_b0df };
            self.state[i] = self.state[(i + M) % N] ^ (mixed >> 1) ^ odd;
        }
        self.next = 0;
    }
    /// 32 random bits.
    pub fn random(&mut self) -> u32 {
        if self.next >= N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
    /// 64 random bits.
    pub fn random64(&mut self) -> u64 {
        let high = u64::from(self.random());
        (high << 32) | u64::from(self.random())
    }
    /// Uniform in [0, 1), 24 bits.
    pub fn uniform_f32(&mut self) -> f32 {
        (self.random() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0)
    }
    /// Uniform in [0, 1), 53 bits.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.random64() & ((1 << 53) - 1)) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
    /// One normal number, the way of short tensors: in pairs, of which the second is kept for the next call.
    pub fn normal(&mut self, mean: f64, std: f64) -> f64 {
        if let Some(cached) = self.cached_normal.take() {
            return cached * std + mean;
        }
        let u1 = self.uniform_f64();
        let u2 = self.uniform_f64();
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        let theta = std::f64::consts::TAU * u1;
        self.cached_normal = Some(radius * theta.sin());
        radius * theta.cos() * std + mean
    }

    /// `len` uniform numbers of a type, from `low` to `high`.
    pub fn uniform(&mut self, dtype: Dtype, len: usize, low: f64, high: f64) -> Array {
        let shape = Shape::from_slice(&[len]);
        match dtype {
            Dtype::F64 => Array::from_vec(
                shape,
                (0..len)
                    .map(|_| self.uniform_f64() * (high - low) + low)
                    .collect::<Vec<f64>>(),
            ),
            _ => {
                let (low, high) = (low as f32, high as f32);
                Array::from_vec(
                    shape,
                    (0..len)
                        .map(|_| self.uniform_f32() * (high - low) + low)
                        .collect::<Vec<f32>>(),
                )
            }
        }
    }
    /// `len` normal numbers of a type; `contiguous`: whether they go to places in order, for then PyTorch draws
    /// sixteen and more in blocks.
    pub fn normals(
        &mut self,
        dtype: Dtype,
        len: usize,
        mean: f64,
        std: f64,
        contiguous: bool,
    ) -> Array {
        let shape = Shape::from_slice(&[len]);
        let blocks = contiguous && len >= BLOCK;
        match dtype {
            Dtype::F64 if blocks => Array::from_vec(shape, self.block_normals_f64(len, mean, std)),
            Dtype::F64 => Array::from_vec(
                shape,
                (0..len)
                    .map(|_| self.normal(mean, std))
                    .collect::<Vec<f64>>(),
            ),
            _ if blocks => {
                Array::from_vec(shape, self.block_normals_f32(len, mean as f32, std as f32))
            }
            _ => Array::from_vec(
                shape,
                (0..len)
                    .map(|_| self.normal(mean, std) as f32)
                    .collect::<Vec<f32>>(),
            ),
        }
    }
    fn block_normals_f32(&mut self, len: usize, mean: f32, std: f32) -> Vec<f32> {
        let mut values: Vec<f32> = (0..len).map(|_| self.uniform_f32()).collect();
        let whole = len - len % BLOCK;
        values[..whole]
            .chunks_exact_mut(BLOCK)
            .for_each(|block| box_muller_f32(block, mean, std));
        if whole < len {
            // The last block is drawn again, over numbers that are there already.
            let tail = &mut values[len - BLOCK..];
            tail.iter_mut()
                .for_each(|value| *value = self.uniform_f32());
            box_muller_f32(tail, mean, std);
        }
        values
    }
    fn block_normals_f64(&mut self, len: usize, mean: f64, std: f64) -> Vec<f64> {
        let mut values: Vec<f64> = (0..len).map(|_| self.uniform_f64()).collect();
        let whole = len - len % BLOCK;
        values[..whole]
            .chunks_exact_mut(BLOCK)
            .for_each(|block| box_muller_f64(block, mean, std));
        if whole < len {
            let tail = &mut values[len - BLOCK..];
            tail.iter_mut()
                .for_each(|value| *value = self.uniform_f64());
            box_muller_f64(tail, mean, std);
        }
        values
    }
    /// An integer from `low` (inclusive) to `high` (exclusive).
    pub fn integer(&mut self, low: i64, high: i64) -> i64 {
        let range = (high as u64).wrapping_sub(low as u64).max(1);
        let drawn = if range >= 1 << 28 {
            self.random64() % range
        } else {
            u64::from(self.random()) % range
        };
        low.wrapping_add(drawn as i64)
    }
    /// Exponential of rate `lambda`.
    pub fn exponential(&mut self, lambda: f64) -> f64 {
        -1.0 / lambda * (-self.uniform_f64()).ln_1p()
    }
    /// Whether something of probability `p` happens.
    pub fn bernoulli(&mut self, p: f64) -> bool {
        self.uniform_f64() < p
    }
}

/// Normal numbers are drawn in blocks of this size.
const BLOCK: usize = 16;

fn box_muller_f32(block: &mut [f32], mean: f32, std: f32) {
    for j in 0..BLOCK / 2 {
        let u1 = 1.0 - block[j];
        let u2 = block[j + BLOCK / 2];
        let radius = (-2.0 * u1.ln()).sqrt();
        let theta = std::f32::consts::TAU * u2;
        block[j] = radius * theta.cos() * std + mean;
        block[j + BLOCK / 2] = radius * theta.sin() * std + mean;
    }
}

fn box_muller_f64(block: &mut [f64], mean: f64, std: f64) {
    for j in 0..BLOCK / 2 {
        let u1 = 1.0 - block[j];
        let u2 = block[j + BLOCK / 2];
        let radius = (-2.0 * u1.ln()).sqrt();
        let theta = std::f64::consts::TAU * u2;
        block[j] = radius * theta.cos() * std + mean;
        block[j + BLOCK / 2] = radius * theta.sin() * std + mean;
    }
}
