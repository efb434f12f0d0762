//! Special functions that the standard library lacks, in double precision.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, PI, TAU};

/// Where the series of the error function is left for the continued fraction.
const ERF_SERIES_END: f64 = 2.5;

/// The error function.
pub fn erf(x: f64) -> f64 {
    if x.abs() < ERF_SERIES_END {
        erf_series(x)
    } else {
        x.signum() * (1.0 - erfc_tail(x.abs()))
    }
}

/// One minus the error function, without loss where that is small.
pub fn erfc(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x.abs() < ERF_SERIES_END {
        1.0 - erf_series(x)
    } else if x > 0.0 {
        erfc_tail(x)
    } else {
        2.0 - erfc_tail(-x)
    }
}

/// `exp(-x²)` times a series of positive terms.
fn erf_series(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..80 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// The continued fraction, from its end.
fn erfc_tail(x: f64) -> f64 {
    if x > 28.0 {
        return 0.0;
    }
    let mut fraction = x;
    for n in (1..=120).rev() {
        fraction = x + 0.5 * f64::from(n) / fraction;
    }
    (-x * x).exp() / (fraction * PI.sqrt())
}

/// The inverse of the error function.
pub fn erfinv(y: f64) -> f64 {
    if y.abs() >= 1.0 || y.is_nan() {
        return if y.abs() == 1.0 {
            y * f64::INFINITY
        } else {
            f64::NAN
        };
    }
    let log = (1.0 - y * y).ln();
    let a = 0.147;
    let half = 2.0 / (PI * a) + log / 2.0;
    let mut x = y.signum() * ((half * half - log / a).sqrt() - half).max(0.0).sqrt();
    for _ in 0..4 {
        // Halley's step; the error is taken from the complement where that is the small one.
        let error = if y.abs() > 0.5 {
            -y.signum() * (erfc(x.abs()) - (1.0 - y.abs()))
        } else {
            erf(x) - y
        };
        let step = error / (FRAC_2_SQRT_PI * (-x * x).exp());
        x -= step / (1.0 + x * step);
    }
    x
}

/// The logarithm of the absolute value of the gamma function.
pub fn lgamma(x: f64) -> f64 {
    if x.is_infinite() {
        return f64::INFINITY;
    }
    if x <= 0.0 && x == x.floor() {
        return f64::INFINITY;
    }
    if x < 0.5 {
        return (PI / (PI * x).sin().abs()).ln() - lgamma(1.0 - x);
    }
    let mut shifted = x;
    let mut product = 1.0;
    while shifted < 12.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / (shifted * shifted);
    let series = (1.0 / 12.0
        - inverse
            * (1.0 / 360.0
                - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0))))
        / shifted;
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * TAU.ln() + series - f64::ln(product)
}

/// The derivative of [`lgamma`].
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        return if x == x.floor() {
            f64::NAN
        } else {
            digamma(1.0 - x) - PI / (PI * x).tan()
        };
    }
    let mut shifted = x;
    let mut sum = 0.0;
    while shifted < 12.0 {
        sum -= 1.0 / shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / (shifted * shifted);
    let series = inverse
        * (1.0 / 12.0
            - inverse
                * (1.0 / 120.0
                    - inverse * (1.0 / 252.0 - inverse * (1.0 / 240.0 - inverse / 132.0))));
    sum + shifted.ln() - 0.5 / shifted - series
}

/// The derivative of [`digamma`].
pub fn trigamma(x: f64) -> f64 {
    if x < 0.5 {
        let sine = (PI * x).sin();
        return (PI / sine) * (PI / sine) - trigamma(1.0 - x);
    }
    let mut shifted = x;
    let mut sum = 0.0;
    while shifted < 12.0 {
        sum += 1.0 / (shifted * shifted);
        shifted += 1.0;
    }
    let inverse = 1.0 / (shifted * shifted);
    let series = inverse
        * (1.0 / 6.0
            - inverse
                * (1.0 / 30.0
                    - inverse * (1.0 / 42.0 - inverse * (1.0 / 30.0 - inverse * 5.0 / 66.0))));
    sum + (1.0 + 0.5 / shifted + series) / shifted
}

/// The modified Bessel function of the first kind, of order 0 or 1.
pub fn bessel_i(order: u8, x: f64) -> f64 {
    let size = x.abs();
    let sign = if order == 1 { x.signum() } else { 1.0 };
    if size > 30.0 {
        sign * bessel_i_tail(order, size)
    } else {
        sign * bessel_i_series(order, size)
    }
}

fn bessel_i_series(order: u8, x: f64) -> f64 {
    let order = f64::from(order);
    let mut term = if order == 0.0 { 1.0 } else { x / 2.0 };
    let mut sum = term;
    for n in 1..120 {
        let n = f64::from(n);
        term *= x * x / 4.0 / (n * (n + order));
        sum += term;
    }
    sum
}

fn bessel_i_tail(order: u8, x: f64) -> f64 {
    let mu = 4.0 * f64::from(order);
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..20 {
        let odd = f64::from(2 * n - 1);
        term *= -(mu - odd * odd) / (f64::from(n) * 8.0 * x);
        sum += term;
    }
    // Half of the exponent on each side, so that it does not overflow early.
    (x / 2.0).exp() * sum / (TAU * x).sqrt() * (x / 2.0).exp()
}

/// `sin(πx) / (πx)`
pub fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The logistic function.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `ln(1 + exp(x))`, without overflow.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `ln(exp(x) + exp(y))`, without overflow.
pub fn logaddexp(x: f64, y: f64) -> f64 {
    if x == y {
        return x + LN_2;
    }
    x.max(y) + (-(x - y).abs()).exp().ln_1p()
}

/// The nearest integer, halves to the even one.
pub fn round(x: f64) -> f64 {
    x.round_ties_even()
}
