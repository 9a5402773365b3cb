use RetryClass::{Billable, FailedResultFetch, Idempotent, ResultFetch};

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn allowed(class: RetryClass, status: u16, headers: &HeaderMap) -> bool {
    class.allows_retry(&Outcome::Status(StatusCode::from_u16(status).unwrap(), headers), false)
}

#[test]
fn billable_requests_are_not_repeated_if_they_may_be_accepted() {
    for class in [Idempotent, ResultFetch, FailedResultFetch, Billable] {
        assert!(class.allows_retry(&Outcome::Unconnected, false));
        assert_eq!(class.allows_retry(&Outcome::Broken, false), class != Billable);
        assert!(class.allows_retry(&Outcome::Broken, true));
    }
    let none = HeaderMap::new();
    let page = headers(&[("content-type", "text/html")]);
    let id = headers(&[("x-fal-request-id", "r1")]);
    let json = headers(&[("content-type", "application/json")]);
    // status, headers, idempotent, result, failed result, billable
    let table = [
        (408, &none, [true, true, true, true]),
        (408, &id, [true, true, false, false]),
        (409, &page, [true, true, false, true]),
        (409, &json, [true, true, false, false]),
        (429, &none, [true, true, true, true]),
        (429, &id, [true, true, false, true]),
        (500, &none, [true, false, false, false]),
        (502, &page, [true, true, true, false]),
        (503, &page, [true, true, true, true]),
        (503, &none, [true, true, true, true]),
        (503, &json, [true, true, false, false]),
        (503, &id, [true, true, false, false]),
        (504, &page, [true, true, true, false]),
        (504, &id, [true, true, false, false]),
        (501, &none, [false; 4]),
        (505, &page, [false; 4]),
        (506, &none, [true, true, true, false]),
        (520, &page, [true, true, true, false]),
        (525, &none, [true, true, true, false]),
        (529, &id, [true, true, false, false]),
        (422, &none, [false; 4]),
        (401, &none, [false; 4]),
        (307, &none, [false; 4]),
    ];
    for (status, headers, expected) in table {
        let found = [Idempotent, ResultFetch, FailedResultFetch, Billable]
            .map(|class| allowed(class, status, headers));
        assert_eq!(found, expected, "{status} {headers:?}");
    }
}

#[test]
fn even_if_accepted_repeats_billable_requests_after_gateway_errors() {
    let page = headers(&[("content-type", "text/html")]);
    let id = headers(&[("x-fal-request-id", "r1")]);
    let table = [(502, &page, true), (504, &page, true), (504, &id, false), (500, &page, false)];
    for (status, headers, expected) in table {
        let outcome = Outcome::Status(StatusCode::from_u16(status).unwrap(), headers);
        assert_eq!(Billable.allows_retry(&outcome, true), expected, "{status} {headers:?}");
    }
}

#[test]
fn service_can_forbid_and_demand_a_retry() {
    for pair in
        [("x-fal-needs-retry", "0"), ("x-fal-retryable", "False"), ("x-fal-request-timeout-type", "user")]
    {
        assert!(!allowed(Idempotent, 504, &headers(&[pair])), "{pair:?}");
    }
    let asked = headers(&[("x-fal-needs-retry", "1"), ("x-fal-request-id", "r1")]);
    for status in [429, 500, 503] {
        assert!(allowed(Billable, status, &asked), "{status}");
        assert!(!allowed(FailedResultFetch, status, &asked), "{status}");
    }
    assert!(!allowed(Billable, 422, &asked));
}

fn delay(retry: &Retry, attempt: u32) -> Option<Duration> {
    retry.delay(attempt, Idempotent, &Outcome::Broken, Duration::ZERO, None)
}

#[test]
fn delays_double_up_to_the_maximum() {
    let retry = Retry::default()
        .max_attempts(99)
        .base_delay(Duration::from_secs(1))
        .max_delay(Duration::from_secs(5))
        .jitter(false);
    let delays: Vec<_> = [1, 2, 3, 4, 40, 98].map(|nth| delay(&retry, nth).unwrap().as_secs()).into();
    assert_eq!(delays, [1, 2, 4, 5, 5, 5]);
    assert_eq!(delay(&retry, 99), None);
    assert_eq!(Retry::none().delay(1, Idempotent, &Outcome::Unconnected, Duration::ZERO, None), None);
}

#[test]
fn jitter_spreads_delays_over_their_upper_half() {
    let retry = Retry::default().base_delay(Duration::from_secs(1));
    let delays: Vec<_> = (0..200).map(|_| delay(&retry, 1).unwrap().as_secs_f64()).collect();
    let (min, max) =
        delays.iter().fold((f64::MAX, f64::MIN), |(min, max), delay| (min.min(*delay), max.max(*delay)));
    assert!(min >= 0.5 && max <= 1.0, "{min} {max}");
    // Of 200 random values, one is in each outer tenth except once in a billion runs.
    assert!(min < 0.55 && max > 0.95, "{min} {max}");
}

#[test]
fn setters_are_order_independent() {
    let (one, other) = (
        Retry::default().max_attempts(2).waiting_attempts(7),
        Retry::default().waiting_attempts(7).max_attempts(2),
    );
    assert_eq!(one, other);
    assert_eq!((attempts(&one), attempts(&one.clone().for_waiting())), (2, 7));
    let few = Retry::default().max_attempts(2);
    assert_eq!((attempts(&few), attempts(&few.clone().for_waiting())), (2, 2));
    assert_eq!((attempts(&Retry::default()), attempts(&Retry::default().for_waiting())), (4, 10));
}

/// Counts the attempts that the policy makes.
fn attempts(retry: &Retry) -> u32 {
    (1..).find(|attempt| delay(retry, *attempt).is_none()).unwrap()
}

#[test]
fn delay_that_ends_too_late_is_an_error_at_once() {
    let second = Duration::from_secs(1);
    let retry = Retry::default().jitter(false).base_delay(second);
    let delay = |retry: &Retry, elapsed, left| retry.delay(1, Idempotent, &Outcome::Broken, elapsed, left);
    assert_eq!(delay(&retry, Duration::ZERO, Some(2 * second)), Some(second));
    assert_eq!(delay(&retry, Duration::ZERO, Some(second)), None);
    let retry = retry.give_up_after(3 * second);
    assert_eq!(delay(&retry, 2 * second, None), Some(second));
    assert_eq!(delay(&retry, 2 * second + Duration::from_millis(1), None), None);
}

#[test]
fn retry_after_is_respected_up_to_the_maximum() {
    let retry = Retry::default().jitter(false);
    let pause = |pairs: &[(&'static str, &'static str)]| {
        let headers = headers(pairs);
        let outcome = Outcome::Status(StatusCode::TOO_MANY_REQUESTS, &headers);
        retry.delay(1, Idempotent, &outcome, Duration::ZERO, None)
    };
    let base = Some(Duration::from_millis(250));
    assert_eq!(pause(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    // More than `max_delay`, but less than the budget of 429.
    assert_eq!(pause(&[("retry-after", "60")]), Some(Duration::from_secs(60)));
    assert_eq!(pause(&[("retry-after", "61")]), None);
    assert_eq!(pause(&[("retry-after", "soon")]), base);
    for odd in ["-1", "-1.5", "", ".", "1.2.3", "inf", "NaN", "1e9", "5s", "0x10", "\u{1}"] {
        if let Ok(value) = http::HeaderValue::from_str(odd) {
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
            assert_eq!(retry_after(&headers), None, "{odd}");
        }
    }
    assert_eq!(pause(&[("retry-after", "1.5")]), Some(Duration::from_millis(1500)));
    assert_eq!(pause(&[("retry-after", " 2 ")]), Some(Duration::from_secs(2)));
    for huge in ["1e308", "18446744073709551615", "18446744073709551616", "99999999999999999999999999"] {
        assert_eq!(pause(&[("retry-after", huge)]).is_none(), huge != "1e308", "{huge}");
    }
    // The service's clock is a day behind, so the difference counts.
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(
        pause(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]),
        Some(Duration::from_secs(10))
    );
    assert_eq!(pause(&[date, ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), base);
    assert_eq!(pause(&[date, ("retry-after", "Sun, 06 Nov 1994 10:49:47 GMT")]), None);
    // Without one the own clock counts, which is long after.
    assert_eq!(pause(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), base);
}

#[test]
fn rate_limits_have_a_budget_of_time() {
    let none = HeaderMap::new();
    let limited = Outcome::Status(StatusCode::TOO_MANY_REQUESTS, &none);
    let (retry, second) = (Retry::default().jitter(false), Duration::from_secs(1));
    for class in [Idempotent, ResultFetch, Billable] {
        let delay = |attempt, elapsed| retry.delay(attempt, class, &limited, elapsed, None);
        assert_eq!(delay(9, 10 * second), Some(30 * second));
        // The last attempt is at the end of the minute.
        assert_eq!(delay(9, 50 * second), Some(10 * second));
        assert_eq!(delay(9, 60 * second), None);
        assert_eq!(delay(1, 90 * second), Some(Duration::from_millis(250)));
    }
    // Whoever sets the attempts has them counted.
    assert_eq!(Retry::none().delay(1, Billable, &limited, Duration::ZERO, None), None);
    let both = Retry::none().rate_limit_budget(5 * second);
    assert!(both.delay(1, Billable, &limited, Duration::ZERO, None).is_some());
    assert!(both.delay(1, Billable, &Outcome::Unconnected, Duration::ZERO, None).is_none());
}

#[test]
fn waiting_call_obeys_retry_after_until_its_deadline() {
    let retry = Retry::default().jitter(false).for_waiting();
    let minute = Duration::from_secs(60);
    for status in [429, 503] {
        let asked = |seconds: &'static str| {
            let headers = headers(&[("retry-after", seconds)]);
            let outcome = Outcome::Status(StatusCode::from_u16(status).unwrap(), &headers);
            retry.delay(99, Idempotent, &outcome, 60 * minute, None)
        };
        assert_eq!(asked("120"), Some(2 * minute));
        assert_eq!(asked("18446744073709551615"), Some(60 * minute));
        assert_eq!(asked("0"), Some(Duration::from_secs(30)));
    }
}

#[test]
fn a_waiting_call_obeys_long_delays_of_429_and_503_only() {
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, "3000".parse().unwrap())]);
    let waiting = Retry::default().jitter(false).for_waiting();
    for (status, expected) in [(429, Some(3000)), (503, Some(3000)), (408, None), (500, None), (502, None)] {
        let outcome = Outcome::Status(StatusCode::from_u16(status).unwrap(), &headers);
        let delay = waiting.delay(1, RetryClass::Idempotent, &outcome, Duration::ZERO, None);
        assert_eq!(delay, expected.map(Duration::from_secs), "{status}");
    }
}
