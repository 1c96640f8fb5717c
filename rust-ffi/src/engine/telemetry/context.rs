//! Which trace a call belongs to: W3C's trace context, ids, and whether a span is kept.

use super::settings::{Root, Sampler};

/// The span that a call was made in, as the caller names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
    state: String,
}

impl Parent {
    /// Reads W3C's `traceparent` and `tracestate`. What is malformed is no parent: the recommendation has receivers start a trace of their
    /// own then. A later version of the format may have more fields after the four that are known.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Parent> {
        let mut fields = traceparent.trim().split('-');
        let (version, trace_id, span_id, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let version = hexadecimal(version, 2)?;
        if version == 0xff || (version == 0 && fields.next().is_some()) {
            return None;
        }
        let parent = Parent {
            trace_id: hexadecimal(trace_id, 32)?,
            span_id: hexadecimal(span_id, 16)? as u64,
            sampled: hexadecimal(flags, 2)? & 1 == 1,
            state: tracestate.map(str::trim).filter(|state| is_state(state)).unwrap_or_default().to_owned(),
        };
        (parent.trace_id != 0 && parent.span_id != 0).then_some(parent)
    }
}

/// Lower-case digits only, as the recommendation asks.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let fits = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if fits {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

/// Is it fit to be a header again?
fn is_state(state: &str) -> bool {
    state.len() <= 512 && state.bytes().all(|b| (0x20..0x7f).contains(&b))
}

/// The span of one call.
#[derive(Clone, Debug)]
pub struct Context {
    pub trace_id: u128,
    pub span_id: u64,
    /// 0 where the span begins its trace.
    pub parent_span_id: u64,
    pub state: String,
    pub sampled: bool,
}

impl Context {
    /// A new span, within `parent` where there is one.
    pub fn new(parent: Option<Parent>, sampler: &Sampler) -> Context {
        let trace_id = parent.as_ref().map_or_else(random, |parent| parent.trace_id);
        let sampled = match &parent {
            Some(parent) if sampler.parent_based => parent.sampled,
            _ => match sampler.root {
                Root::On => true,
                Root::Off => false,
                // The lower half of the id, as the SDKs take it: services that see one trace decide alike.
                Root::Ratio(ratio) => ((trace_id as u64) >> 1) < (ratio * (1u64 << 63) as f64) as u64,
            },
        };
        let (parent_span_id, state) = parent.map_or((0, String::new()), |parent| (parent.span_id, parent.state));
        Context { trace_id, span_id: random() as u64 | 1, parent_span_id, state, sampled }
    }

    /// The `traceparent` by which the provider knows this span.
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// 128 random bits from the operating system: a generator in this process's memory would give a forked child its parent's ids. A UUID has
/// six fixed bits; those of two that are turned against each other never meet.
fn random() -> u128 {
    uuid::Uuid::new_v4().as_u128() ^ uuid::Uuid::new_v4().as_u128().rotate_left(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_span_is_its_parents_child() {
        let parent = Parent::parse(PARENT, Some("a=1")).unwrap();
        let context = Context::new(Some(parent), &Sampler { root: Root::Off, parent_based: true });
        assert_eq!((context.parent_span_id, context.state.as_str(), context.sampled), (0xb7ad6b7169203331, "a=1", true));
        let sent = context.traceparent();
        assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && sent.ends_with("-01") && sent != PARENT, "{sent}");
        assert!(Parent::parse(&sent, None).is_some());
    }

    #[test]
    fn what_is_malformed_is_no_parent() {
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Parent::parse(bad, None), None, "{bad}");
        }
        assert!(Parent::parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", None).is_some());
        assert_eq!(Parent::parse(PARENT, Some("a=\r\nx: y")).unwrap().state, "", "no line break reaches a header");
    }

    #[test]
    fn a_ratio_keeps_its_share() {
        let kept = |ratio| {
            let sampler = Sampler { root: Root::Ratio(ratio), parent_based: true };
            (0..2000).filter(|_| Context::new(None, &sampler).sampled).count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 2000));
        // Ten standard deviations on either side.
        assert!((280..=720).contains(&kept(0.25)));
    }
}
