//! Statistics of samples: mean, spread, and how sure that is.
//!
//! Intervals hold the true value in 95 of 100 measurements, provided the runs
//! are independent and about normal. The means of interleaved runs rise and
//! fall together when the machine is disturbed; [`ratio`] takes that into account.

/// Share of measurements whose interval holds the true value.
pub const CONFIDENCE: f64 = 0.95;

/// What some samples of one quantity say about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the samples (with n - 1).
    pub deviation: f64,
    /// Half the width of the mean's confidence interval.
    pub margin: f64,
    /// The least sample.
    pub minimum: f64,
    /// The middle one.
    pub median: f64,
}

/// Describes `samples`, at least two.
pub fn summary(samples: &[f64]) -> Summary {
    let n = samples.len() as f64;
    let mean = mean(samples);
    let deviation = covariance(samples, samples).sqrt();
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let median = match sorted.len() % 2 {
        1 => sorted[half],
        _ => (sorted[half - 1] + sorted[half]) / 2.0,
    };
    let margin = t_quantile(samples.len() - 1) * deviation / n.sqrt();
    Summary { mean, deviation, margin, minimum: sorted[0], median }
}

/// A ratio of two means, with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The ratio.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The mean of `a` over that of `b`, for samples taken in pairs.
///
/// The interval is made by the delta method on the logarithm of the ratio:
/// var(ln(A/B)) = var(A)/A² + var(B)/B² - 2 cov(A, B)/(A B), so it lies
/// above zero and is the same, turned over, for B/A.
pub fn ratio(a: &[f64], b: &[f64]) -> Ratio {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let variance = covariance(a, a) / (mean_a * mean_a) + covariance(b, b) / (mean_b * mean_b)
        - 2.0 * covariance(a, b) / (mean_a * mean_b);
    // Rounding may leave a hair below zero for samples in step.
    let width = t_quantile(a.len() - 1) * (variance.max(0.0) / n).sqrt();
    let value = mean_a / mean_b;
    Ratio { value, low: value * (-width).exp(), high: value * width.exp() }
}

/// The geometric mean of positive values.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0u32), |(sum, n), v| (sum + v.ln(), n + 1));
    (n > 0).then(|| (sum / f64::from(n)).exp())
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// Covariance of paired samples, with n - 1.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let products = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b));
    products.sum::<f64>() / (a.len() - 1) as f64
}

/// How many standard errors the interval reaches to each side, with that many
/// degrees of freedom: the quantile of Student's t.
pub fn t_quantile(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 16.0);
    // Halved until there is nothing between the two.
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        if t_within(middle, freedom) < CONFIDENCE { low = middle } else { high = middle }
    }
    high
}

/// The probability that |T| is at most `t`. For whole degrees of freedom that
/// is a finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn t_within(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let square = cosine * cosine;
    // Odd: cos + 2/3 cos³ + (2·4)/(3·5) cos⁵ ...; even: 1 + 1/2 cos² + (1·3)/(2·4) cos⁴ ...
    let odd = freedom % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut power = if odd { 1 } else { 0 };
    while power + 2 <= freedom {
        sum += term;
        term *= square * (power + 1) as f64 / (power + 2) as f64;
        power += 2;
    }
    if odd { (angle + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum }
}

#[cfg(test)]
mod tests {
    //! The numbers are SciPy's (1.17) and NumPy's.
    use super::*;

    #[track_caller]
    fn near(found: f64, want: f64) {
        assert!((found - want).abs() <= 1e-12 * want.abs(), "{found} is not {want}");
    }

    const INTERPRETER: [f64; 10] = [12.31, 12.47, 12.29, 12.95, 12.40, 12.33, 12.52, 12.38, 12.41, 12.36];
    const JIT: [f64; 10] = [2.011, 2.040, 2.002, 2.137, 2.015, 2.009, 2.051, 2.022, 2.018, 2.013];

    #[test]
    fn quantiles_of_t() {
        // scipy.stats.t.ppf(0.975, df)
        for (freedom, want) in [
            (1, 12.706204736174694),
            (2, 4.302652729749462),
            (3, 3.1824463052837078),
            (4, 2.7764451051977934),
            (5, 2.5705818356363146),
            (9, 2.262157162798205),
            (10, 2.228138851986274),
            (19, 2.0930240544083087),
            (29, 2.045229642132703),
            (30, 2.0422724563012378),
            (99, 1.9842169515864174),
            (100, 1.9839715185235518),
            (999, 1.9623414611334493),
            (9999, 1.960201263621357),
        ] {
            near(t_quantile(freedom), want);
        }
    }

    #[test]
    fn probabilities_of_t() {
        // scipy.stats.t.cdf(1.3, df) - scipy.stats.t.cdf(-1.3, df)
        for (freedom, want) in [
            (1, 0.5825711996796945),
            (2, 0.6767529681839597),
            (3, 0.715532491272103),
            (10, 0.7772341827931555),
            (999, 0.8060991718043491),
        ] {
            near(t_within(1.3, freedom), want);
        }
    }

    #[test]
    fn means_and_their_intervals() {
        // scipy.stats.t.interval(0.95, 9, x.mean(), scipy.stats.sem(x))
        let s = summary(&INTERPRETER);
        near(s.mean, 12.441999999999998);
        near(s.deviation, 0.191879591874117);
        near(s.mean - s.margin, 12.304737608838016);
        near(s.mean + s.margin, 12.579262391161981);
        near(s.minimum, 12.29);
        near(s.median, 12.39);
        let s = summary(&JIT);
        near(s.mean, 2.0317999999999996);
        near(s.deviation, 0.03981289573325043);
        near(s.mean - s.margin, 2.003319570090529);
        near(s.mean + s.margin, 2.0602804299094704);
        near(s.median, 2.0164999999999997);
        near(summary(&[3.0, 1.0, 2.0]).median, 2.0);
    }

    #[test]
    fn ratios_and_their_intervals() {
        // The formula, with numpy.cov(..., ddof=1). For comparison: Fieller's
        // interval for the same samples is 0.16276 to 0.16384.
        let r = ratio(&JIT, &INTERPRETER);
        near(r.value, 0.1633017199807105);
        near(r.low, 0.1627615372837365);
        near(r.high, 0.1638436954682355);
        let turned = ratio(&INTERPRETER, &JIT);
        near(turned.value, 1.0 / r.value);
        near(turned.low, 1.0 / r.high);
        near(turned.high, 1.0 / r.low);
        let same = ratio(&JIT, &JIT);
        assert_eq!((same.value, same.low, same.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn disturbances_that_hit_both_do_not_widen_a_ratio() {
        let factors = [1.0, 1.5, 1.1, 1.0, 2.0, 1.2, 1.0, 1.3, 1.0, 1.1];
        let (slow, fast) = (factors.map(|f| 8.0 * f), factors);
        let r = ratio(&fast, &slow);
        near(r.value, 0.125);
        assert!(r.high - r.low < 1e-6, "{r:?}");
        assert!(summary(&fast).margin > 0.1);
    }

    #[test]
    fn geometric_means() {
        near(geometric_mean([0.5, 0.125, 2.0].into_iter()).unwrap(), 0.5);
        assert_eq!(geometric_mean(std::iter::empty()), None);
    }
}
