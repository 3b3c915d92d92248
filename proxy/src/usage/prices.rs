//! What a model costs on a day: a dated list, read once, with the source of every figure. What is not in it has no
//! price. Pure; where the list lies is the configuration's business.

use jiff::civil::Date;
use serde::Deserialize;

use super::{Measure, Nanos};

/// The built-in list.
const BUILT_IN: &str = include_str!("../../../prices/openai.toml");
/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// Prices for a token of each kind, and for a minute of sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    text_in: Nanos,
    text_cached: Nanos,
    text_out: Nanos,
    audio_in: Nanos,
    audio_cached: Nanos,
    audio_out: Nanos,
    image_in: Nanos,
    image_cached: Nanos,
    minute: Nanos,
}

impl Price {
    /// What so much costs. Cached tokens are counted once, at their own price.
    #[must_use]
    pub fn of(&self, used: &Measure) -> Nanos {
        self.text_in * (used.text_in - used.text_cached)
            + self.text_cached * used.text_cached
            + self.audio_in * (used.audio_in - used.audio_cached)
            + self.audio_cached * used.audio_cached
            + self.image_in * (used.image_in - used.image_cached)
            + self.image_cached * used.image_cached
            + self.text_out * used.text_out
            + self.audio_out * used.audio_out
            + self.minute.of_minute(used.ms)
    }
}

/// The list.
#[derive(Clone, Debug)]
pub struct Prices {
    version: String,
    dated: Vec<Dated>,
}

#[derive(Clone, Debug)]
struct Dated {
    model: String,
    /// Days since 1970-01-01.
    from: i64,
    price: Price,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// Not of the form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A figure that is no price.
    #[error("{model}: `{field}` is not a price: dollars with at most three decimals for tokens, nine for a minute")]
    Price {
        /// Of which model.
        model: String,
        /// Which figure.
        field: &'static str,
    },
    /// Two entries of one model for one day.
    #[error("{0} has two prices from the same day on")]
    Twice(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    price: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    models: Vec<String>,
    from: String,
    #[expect(dead_code, reason = "for whoever reads the file: a figure without a source is refused")]
    source: String,
    #[serde(default)]
    text_in: f64,
    #[serde(default)]
    text_cached: f64,
    #[serde(default)]
    text_out: f64,
    #[serde(default)]
    audio_in: f64,
    #[serde(default)]
    audio_cached: f64,
    #[serde(default)]
    audio_out: f64,
    #[serde(default)]
    image_in: f64,
    #[serde(default)]
    image_cached: f64,
    #[serde(default)]
    minute: f64,
}

impl Prices {
    /// The list that this version was built with.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in list is tested")
    }

    /// Reads a list.
    ///
    /// # Errors
    /// [`PricesError`], with the line or the model.
    pub fn parse(text: &str) -> Result<Self, PricesError> {
        let File { version, price } = toml::from_str(text)?;
        let mut dated = Vec::new();
        for line in price {
            let name = line.models.first().cloned().unwrap_or_default();
            let from = line.from.parse::<Date>().map_err(|_| wrong(&name, "from"))?;
            let price = line.price(&name)?;
            for model in line.models {
                if dated.iter().any(|known: &Dated| known.model == model && known.from == days(from)) {
                    return Err(PricesError::Twice(model));
                }
                dated.push(Dated { model, from: days(from), price: price.clone() });
            }
        }
        Ok(Self { version, dated })
    }

    /// Which list it is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The price of a model at a moment, Unix milliseconds. A dated snapshot (`name-2026-01-31`) costs what its model
    /// does, unless it has a price of its own.
    #[must_use]
    pub fn of(&self, model: &str, at_unix_ms: i64) -> Option<&Price> {
        let day = at_unix_ms.div_euclid(DAY_MS);
        let of = |name: &str| {
            let known = self.dated.iter().filter(|dated| dated.model == name && dated.from <= day);
            known.max_by_key(|dated| dated.from).map(|dated| &dated.price)
        };
        of(model).or_else(|| of(undated(model)?))
    }

    /// What so much of a model costs at a moment; `None`: unknown.
    #[must_use]
    pub fn cost(&self, model: &str, at_unix_ms: i64, used: &Measure) -> Option<Nanos> {
        self.of(model, at_unix_ms).map(|price| price.of(used))
    }
}

impl Line {
    fn price(&self, model: &str) -> Result<Price, PricesError> {
        // Dollars for a million tokens are thousandths of a dollar's millionth for one.
        let token = |dollars: f64, field: &'static str| {
            let nanos = dollars * 1e3;
            let whole = nanos.round();
            let is_price = (0.0..1e9).contains(&whole) && (nanos - whole).abs() < 1e-6;
            if is_price { Ok(Nanos(whole as u64)) } else { Err(wrong(model, field)) }
        };
        Ok(Price {
            text_in: token(self.text_in, "text_in")?,
            text_cached: token(self.text_cached, "text_cached")?,
            text_out: token(self.text_out, "text_out")?,
            audio_in: token(self.audio_in, "audio_in")?,
            audio_cached: token(self.audio_cached, "audio_cached")?,
            audio_out: token(self.audio_out, "audio_out")?,
            image_in: token(self.image_in, "image_in")?,
            image_cached: token(self.image_cached, "image_cached")?,
            minute: Nanos::from_dollars(self.minute).ok_or_else(|| wrong(model, "minute"))?,
        })
    }
}

fn wrong(model: &str, field: &'static str) -> PricesError {
    PricesError::Price { model: model.to_owned(), field }
}

fn days(date: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    date.duration_since(epoch).as_hours() / 24
}

/// The name without the date that a snapshot ends in.
fn undated(model: &str) -> Option<&str> {
    let (name, date) = model.split_at_checked(model.len().checked_sub(11)?)?;
    let date = date.strip_prefix('-')?;
    date.parse::<Date>().is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21.
    const NOW: i64 = 1_795_219_200_000;

    #[test]
    fn a_reply_costs_what_its_tokens_cost() {
        let used = Measure {
            text_in: 1_000,
            text_cached: 600,
            audio_in: 2_000,
            audio_cached: 1_500,
            text_out: 100,
            audio_out: 300,
            ..Measure::default()
        };
        // 400·4 + 600·0.4 + 500·32 + 1500·0.4 + 100·24 + 300·64 millionths of a dollar.
        let cost = Prices::built_in().cost("gpt-realtime-2.1", NOW, &used);
        assert_eq!(cost, Some(Nanos(1_600_000 + 240_000 + 16_000_000 + 600_000 + 2_400_000 + 19_200_000)));
    }

    #[test]
    fn sound_costs_by_its_length() {
        let used = Measure { ms: 3_000, ..Measure::default() };
        assert_eq!(Prices::built_in().cost("gpt-realtime-whisper", NOW, &used), Some(Nanos(850_000)));
    }

    #[test]
    fn what_is_not_listed_has_no_price() {
        let prices = Prices::built_in();
        assert!(prices.of("somebody-elses-model", NOW).is_none());
        assert!(prices.of("gpt-realtime-2.1", 0).is_none(), "before the first figure");
        assert_eq!(prices.of("gpt-realtime-2.1-2026-11-05", NOW), prices.of("gpt-realtime-2.1", NOW));
        assert!(prices.of("gpt-realtime-2.1-2026-11-05-x", NOW).is_none());
        assert!(prices.of("é-2026-11-05", NOW).is_none());
    }

    #[test]
    fn a_price_holds_until_the_next() {
        let list = |lines: &str| format!("version = \"1\"\n{lines}");
        let line = |from: &str, out: &str| {
            format!("[[price]]\nmodels = [\"m\"]\nfrom = \"{from}\"\nsource = \"s\"\ntext_out = {out}\n")
        };
        let prices = Prices::parse(&list(&(line("2026-11-21", "2.0") + &line("2026-01-01", "1.0")))).expect("sound");
        let used = Measure { text_out: 1, ..Measure::default() };
        assert_eq!(prices.cost("m", NOW - 1, &used), Some(Nanos(1_000)));
        assert_eq!(prices.cost("m", NOW, &used), Some(Nanos(2_000)));

        for wrong in [
            line("2026-11-21", "2.0") + &line("2026-11-21", "1.0"),
            line("2026-11-21", "-2.0"),
            line("2026-11-21", "0.0001"),
            line("yesterday", "2.0"),
            line("2026-11-21", "2.0").replace("source", "origin"),
        ] {
            assert!(Prices::parse(&list(&wrong)).is_err(), "{wrong}");
        }
    }
}
