use RetryClass::{Billable, FailedResultFetch, Idempotent, ResultFetch};

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn allowed(class: RetryClass, status: u16, headers: &HeaderMap) -> bool {
    class.allows(&Outcome::Status(StatusCode::from_u16(status).unwrap(), headers), false)
}

#[test]
fn work_is_never_started_twice() {
    for class in [Idempotent, ResultFetch, FailedResultFetch, Billable] {
        assert!(class.allows(&Outcome::Unconnected, false));
        assert_eq!(class.allows(&Outcome::Broken, false), class != Billable);
        assert!(class.allows(&Outcome::Broken, true));
    }
    let none = HeaderMap::new();
    let page = headers(&[("content-type", "text/html")]);
    let id = headers(&[("x-fal-request-id", "r1")]);
    let json = headers(&[("content-type", "application/json")]);
    // status, headers, freely, result, failure, when unaccepted
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
fn who_accepts_a_second_bill_may_have_it() {
    let page = headers(&[("content-type", "text/html")]);
    let id = headers(&[("x-fal-request-id", "r1")]);
    let table = [(502, &page, true), (504, &page, true), (504, &id, false), (500, &page, false)];
    for (status, headers, expected) in table {
        let outcome = Outcome::Status(StatusCode::from_u16(status).unwrap(), headers);
        assert_eq!(Billable.allows(&outcome, true), expected, "{status} {headers:?}");
    }
}

#[test]
fn the_service_can_forbid_it_and_ask_for_it() {
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

fn pause(retry: &Retry, attempt: u32) -> Option<Duration> {
    retry.pause(attempt, Idempotent, &Outcome::Broken, Duration::ZERO, None)
}

#[test]
fn pauses_double_up_to_the_cap() {
    let retry = Retry::default()
        .max_attempts(99)
        .base_delay(Duration::from_secs(1))
        .max_delay(Duration::from_secs(5));
    let exact = retry.clone().jitter(false);
    let pauses: Vec<_> = [1, 2, 3, 4, 40, 98].map(|nth| pause(&exact, nth).unwrap().as_secs()).into();
    assert_eq!(pauses, [1, 2, 4, 5, 5, 5]);
    assert_eq!(pause(&exact, 99), None);
    for _ in 0..100 {
        let pause = pause(&retry, 1).unwrap();
        assert!((0.5..=1.0).contains(&pause.as_secs_f64()), "{pause:?}");
    }
    assert_eq!(Retry::none().pause(1, Idempotent, &Outcome::Unconnected, Duration::ZERO, None), None);
}

#[test]
fn a_pause_that_ends_too_late_is_not_begun() {
    let second = Duration::from_secs(1);
    let retry = Retry::default().jitter(false).base_delay(second);
    let pause = |retry: &Retry, elapsed, left| retry.pause(1, Idempotent, &Outcome::Broken, elapsed, left);
    assert_eq!(pause(&retry, Duration::ZERO, Some(2 * second)), Some(second));
    assert_eq!(pause(&retry, Duration::ZERO, Some(second)), None);
    let retry = retry.give_up_after(3 * second);
    assert_eq!(pause(&retry, 2 * second, None), Some(second));
    assert_eq!(pause(&retry, 2 * second + Duration::from_millis(1), None), None);
}

#[test]
fn retry_after_is_waited_for_or_returned() {
    let retry = Retry::default().jitter(false);
    let pause = |pairs: &[(&'static str, &'static str)]| {
        let headers = headers(pairs);
        let outcome = Outcome::Status(StatusCode::TOO_MANY_REQUESTS, &headers);
        retry.pause(1, Idempotent, &outcome, Duration::ZERO, None)
    };
    let base = Some(Duration::from_millis(250));
    assert_eq!(pause(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(pause(&[("retry-after", "31")]), None);
    assert_eq!(pause(&[("retry-after", "soon")]), base);
    assert_eq!(pause(&[("retry-after", "-1")]), base);
    // The service's clock is a day behind; what counts is the difference.
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(
        pause(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]),
        Some(Duration::from_secs(10))
    );
    assert_eq!(pause(&[date, ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), base);
    assert_eq!(pause(&[date, ("retry-after", "Sun, 06 Nov 1994 10:49:47 GMT")]), None);
    // Without one it is ours, which is long after.
    assert_eq!(pause(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), base);
}
