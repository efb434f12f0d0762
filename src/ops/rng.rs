//! PyTorch's generator for the CPU, bit for bit: a 32-bit Mersenne twister and what is drawn from it.

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
            state[i] = 1_812_433_253u32.wrapping_mul(state[i - 1] ^ (state[i - 1] >> 30)).wrapping_add(i as u32);
        }
        Rng { state, next: N, cached_normal: None }
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
}
