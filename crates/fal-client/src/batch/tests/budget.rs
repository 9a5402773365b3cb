//! Budgets, prices and estimates.

use super::{queue::Queue, *};
use crate::{Usd, reconcile::Reconcile};

/// Returns true if no seed occurs twice.
fn is_unique(mut seeds: Vec<u64>) -> bool {
    seeds.sort_unstable();
    seeds.windows(2).all(|pair| pair[0] != pair[1])
}

#[tokio::test(start_paused = true)]
async fn budget_is_spent_to_the_last_cent_and_never_exceeded() {
    let queue = Queue::default();
    let batch = queue.client().batch(inputs(1000)).concurrency(64).budget(Usd::dollars(10));
    let replies = batch.await.unwrap();
    assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 400);
    let unsent: Vec<_> = replies.iter().filter_map(|reply| reply.as_ref().err()).collect();
    assert_eq!(unsent.len(), 600);
    assert!(unsent.iter().all(|error| error.is_unsent()), "{:?}", unsent[0]);
    let message = unsent[0].to_string();
    assert!(message.contains("the budget of $10.00 has no room for $0.025: $10.00 spent"), "{message}");
    assert_eq!((queue.accepted().len(), queue.price_requests()), (400, 1));
}

#[tokio::test(start_paused = true)]
async fn budget_holds_over_processes_that_end_at_any_moment() {
    for kept in [false, true] {
        let (queue, journal) = (Queue::default(), MemoryJournal::default());
        let run = |budget: u64| {
            let mut batch = queue.client().batch(inputs(1000)).concurrency(64).journal(journal.clone());
            if kept {
                batch = batch.keep_outputs();
            }
            batch.budget(Usd::dollars(budget)).as_completed()
        };
        for process in 0..16_u64 {
            let mut done = run(10).await.unwrap();
            let life = Duration::from_millis(process * 613 % 9_000);
            let working = async { while done.next().await.is_some() {} };
            let _ = tokio::time::timeout(life, working).await;
            let spent = done.spent().await.unwrap();
            assert!(spent.cost + spent.reserved <= Usd::dollars(10), "{spent}");
            assert!(queue.accepted().len() <= 400);
        }
        let mut done = run(10).await.unwrap();
        while done.next().await.is_some() {}
        let spent = done.spent().await.unwrap();
        let in_doubt = done.progress().in_doubt;
        // What was being submitted when a process ended may run, and stays reserved.
        assert_eq!(spent.cost + spent.reserved, Usd::dollars(10), "{spent}, {in_doubt} in doubt");
        assert!(queue.accepted().len() <= 400 && is_unique(queue.accepted()));
        assert!(done.stop_reason().unwrap().contains("budget"));

        // More money goes on where it ended.
        let mut done = run(25).await.unwrap();
        while done.next().await.is_some() {}
        assert!(is_unique(queue.accepted()));
        assert_eq!(done.progress().done + in_doubt, 1000, "{}", done.progress());
    }
}

#[tokio::test(start_paused = true)]
async fn billable_units_settle_what_was_reserved() {
    // The last 1.25 cents of the first has no room for what must be reserved.
    let table = [(Some("0.5"), 799), (Some("0"), 1000), (None, 400), (Some("2"), 200)];
    for (units, accepted) in table {
        let queue = Queue::new(|settings| settings.units = units);
        let batch = queue.client().batch(inputs(1000)).concurrency(1).budget(Usd::dollars(10));
        let mut done = batch.as_completed().await.unwrap();
        while done.next().await.is_some() {}
        assert_eq!(queue.accepted().len(), accepted, "{units:?}");
        let spent = done.spent().await.unwrap();
        assert_eq!(spent.reserved, Usd::ZERO);
        let expected = match units {
            Some("0.5") => "9.9875".parse().unwrap(),
            Some("0") => Usd::ZERO,
            _ => Usd::dollars(10),
        };
        assert_eq!(spent.cost, expected, "{units:?}");
        assert_eq!(done.progress().spent, Some(expected));
    }
}

/// They may run, so their money is not given to others.
#[tokio::test(start_paused = true)]
async fn submits_without_an_answer_keep_their_reservation() {
    let queue = Queue::new(|settings| settings.loses_answer = |seed| seed % 2 == 0);
    let batch = queue.client().batch(inputs(100)).concurrency(1).budget(Usd::dollars(1));
    let mut done = batch.as_completed().await.unwrap();
    while done.next().await.is_some() {}
    assert_eq!(queue.accepted(), (0..40).collect::<Vec<_>>());
    let half = Usd::cents(50);
    assert_eq!(done.spent().await.unwrap(), Spent { cost: half, reserved: half, unpriced: 0 });
}

#[tokio::test(start_paused = true)]
async fn submits_with_a_budget_are_not_repeated_even_if_the_caller_allows_it() {
    let queue = Queue::new(|settings| settings.loses_answer = |_| true);
    let batch = queue.client().batch(inputs(3)).retry(Retry::default().even_if_accepted(true));
    assert!(batch.budget(Usd::dollars(10)).await.unwrap().iter().all(Result::is_err));
    assert_eq!(queue.accepted().len(), 3);
}

/// They are decided at the end, which would never come.
#[tokio::test(start_paused = true)]
async fn inputs_do_not_wait_for_the_money_of_requests_in_doubt() {
    let queue = Queue::new(|settings| settings.loses_answer = |seed| seed == 0);
    let patience = Reconcile::default().timeout(Duration::from_secs(60));
    let batch = queue.client().batch(inputs(4)).concurrency(1).reconcile(patience).budget(Usd::cents(5));
    let day = Duration::from_secs(24 * 3600);
    let replies = tokio::time::timeout(day, batch.into_future()).await.expect("it hangs").unwrap();
    assert!(replies[0].as_ref().is_err_and(Error::is_in_doubt) && replies[1].is_ok(), "{replies:?}");
    assert!(replies[2..].iter().all(|reply| reply.as_ref().is_err_and(Error::is_unsent)), "{replies:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_that_are_not_billed_leave_the_budget_as_it_was() {
    let queue = Queue::new(|settings| settings.failing = |seed| u32::from(seed < 300));
    let batch = queue.client().batch(inputs(1000)).concurrency(16).budget(Usd::dollars(10));
    let replies = batch.await.unwrap();
    assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 400);
    assert_eq!(queue.accepted().len(), 700);
}

#[tokio::test(start_paused = true)]
async fn number_of_images_counts() {
    let queue = Queue::new(|settings| settings.units = None);
    let inputs = (0..10).map(|seed| untyped::input("acme/app", json!({ "seed": seed, "num_images": 4 })));
    let batch = queue.client().batch(inputs).budget(Usd::cents(55));
    assert_eq!(batch.await.unwrap().iter().filter(|reply| reply.is_ok()).count(), 5);
}

#[tokio::test(start_paused = true)]
async fn cost_that_does_not_follow_from_the_input_needs_a_largest_cost() {
    for price in [None, Some((0.1, "seconds"))] {
        let queue = Queue::new(|settings| (settings.price, settings.units) = (price, None));
        let replies = queue.client().batch(inputs(3)).budget(Usd::dollars(10)).await.unwrap();
        for reply in &replies {
            let error = reply.as_ref().unwrap_err();
            assert!(error.is_config() && error.to_string().contains("max_per_request"), "{error}");
        }
        assert!(queue.accepted().is_empty());
        let budget = Budget::new(Usd::dollars(1)).max_per_request(Usd::cents(40));
        let replies = queue.client().batch(inputs(3)).budget(budget).await.unwrap();
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 2, "{price:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn journal_without_a_budget_can_get_one_if_its_costs_are_known() {
    let journal = MemoryJournal::default();
    let queue = Queue::new(|settings| settings.units = Some("2.5"));
    queue.client().batch(inputs(10)).journal(journal.clone()).await.unwrap();
    let run = |budget: Budget| {
        queue.client().batch(inputs(50)).concurrency(1).journal(journal.clone()).budget(budget)
    };
    let mut done = run(Usd::cents(100).into()).as_completed().await.unwrap();
    assert_eq!(done.spent().await.unwrap().to_string(), "$0.625 spent");
    while done.next().await.is_some() {}
    assert_eq!(done.spent().await.unwrap().cost, Usd::cents(100));

    // An entry of an older version, whose cost nobody knows.
    let ticket = crate::queue::Ticket::with_endpoint("acme/app", "id0");
    lock(&journal.0).push(JournalEntry::Submitted { key: "49".to_owned(), ticket });
    let error = run(Usd::cents(200).into()).as_completed().await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("max_per_request"), "{error}");
    let budget = Budget::new(Usd::cents(200)).max_per_request(Usd::cents(30));
    let done = run(budget).as_completed().await.unwrap();
    assert_eq!(done.spent().await.unwrap().to_string(), "$1.00 spent, $0.30 reserved");
}

#[tokio::test(start_paused = true)]
async fn estimate_asks_for_the_price_once() {
    let queue = Queue::default();
    let journal = MemoryJournal::default();
    let mut batch = queue.client().batch(inputs(1000)).journal(journal.clone());
    assert_eq!(batch.estimate().await.unwrap().to_string(), "$25.00 for 1,000 requests");
    assert_eq!(queue.requests(), 1);
    let mut done = batch.as_completed().await.unwrap();
    for _ in 0..16 {
        done.next().await;
    }
    drop(done);
    let sent = queue.accepted().len();
    let estimate = queue.client().batch(inputs(1000)).journal(journal).estimate().await.unwrap();
    assert_eq!((estimate.already_sent, estimate.requests), (sent, 1000 - sent));

    let queue = Queue::new(|settings| settings.price = Some((0.1, "seconds")));
    let estimate = queue.client().batch(inputs(200)).estimate().await.unwrap();
    assert_eq!(estimate.to_string(), "about $60.00 for 200 requests");
    assert_eq!(queue.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn spent_money_is_known_without_a_budget() {
    let queue = Queue::new(|settings| settings.units = Some("1.50000000"));
    let mut done = queue.client().batch(inputs(10)).as_completed().await.unwrap();
    while done.next().await.is_some() {}
    assert_eq!(queue.price_requests(), 0);
    assert_eq!(done.spent().await.unwrap().to_string(), "$0.375 spent");
    let queue = Queue::new(|settings| settings.units = None);
    let mut done = queue.client().batch(inputs(2)).as_completed().await.unwrap();
    while done.next().await.is_some() {}
    assert_eq!(
        done.spent().await.unwrap().to_string(),
        "$0.00 spent, and 2 requests whose cost is not known"
    );
}

/// Returns the money that a batch has spent when it starts, and at its end.
async fn spent(batch: BatchRequest<untyped::Any>) -> (String, String) {
    let mut done = batch.as_completed().await.unwrap();
    let before = done.spent().await.unwrap().to_string();
    while let Some((index, reply)) = done.next().await {
        assert!(reply.is_ok(), "{index}: {reply:?}");
    }
    (before, done.spent().await.unwrap().to_string())
}

/// The first of two requests for an input may be billed, so it counts as soon as the second is sent.
#[tokio::test(start_paused = true)]
async fn requests_that_are_sent_again_cost_the_same_in_every_run() {
    let ten = Some(Usd::dollars(10));
    let lost_without = ["$0.025 spent", "$0.05 spent, and 1 request whose cost is not known"];
    let forgotten_without = ["$0.00 spent", "$0.05 spent, and 2 requests whose cost is not known"];
    let (lost_with, forgotten_with) =
        (["$0.025 spent, $0.025 reserved", "$0.075 spent"], ["$0.00 spent, $0.05 reserved", "$0.10 spent"]);
    // The budget of the first run, and of the later ones.
    let table = [
        (true, [None, None], lost_without),
        (true, [ten, ten], lost_with),
        (true, [ten, None], lost_with),
        (false, [None, None], forgotten_without),
        (false, [ten, ten], forgotten_with),
        (false, [ten, None], forgotten_with),
    ];
    // The answer to a submit is lost, or the process ends while both requests run and the queue forgets them.
    for (is_lost, [budget, later_budget], [first, second]) in table {
        let journal = MemoryJournal::default();
        let run = |queue: &Queue, budget: Option<Usd>| {
            let batch =
                queue.client().batch(inputs(2)).concurrency(1).journal(journal.clone()).keep_outputs();
            match budget {
                Some(budget) => batch.budget(budget),
                None => batch,
            }
        };
        let queue = Queue::new(|settings| settings.loses_answer = |seed| seed == 0);
        let queue = if is_lost { queue } else { Queue::default() };
        let mut done = run(&queue, budget).concurrency(2).as_completed().await.unwrap();
        let working = async { while done.next().await.is_some() {} };
        let life = Duration::from_secs(if is_lost { 60 } else { 1 });
        let _ = tokio::time::timeout(life, working).await;
        assert_eq!((done.spent().await.unwrap().to_string().as_str(), queue.accepted().len()), (first, 2));
        drop(done);

        let queue = Queue::default();
        let again = run(&queue, later_budget).resubmit_in_doubt(is_lost).resubmit_failed(Error::is_not_found);
        assert_eq!(spent(again).await, (first.to_owned(), second.to_owned()));
        assert_eq!(queue.accepted().len(), if is_lost { 1 } else { 2 });
        // The next one learns it from the journal.
        assert_eq!(spent(run(&queue, later_budget)).await, (second.to_owned(), second.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn reservations_end_with_their_requests_in_a_run_without_a_budget() {
    for (units, cost) in [(Some("2"), "$0.10 spent"), (None, "$0.05 spent")] {
        let (queue, journal) = (Queue::new(|settings| settings.units = units), MemoryJournal::default());
        let run = || queue.client().batch(inputs(2)).journal(journal.clone()).keep_outputs();
        let mut done = run().budget(Usd::dollars(10)).as_completed().await.unwrap();
        // The process ends while both requests run.
        let working = async { while done.next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), working).await;
        drop(done);
        assert_eq!(spent(run()).await, ("$0.00 spent, $0.05 reserved".to_owned(), cost.to_owned()));
        assert_eq!(queue.accepted().len(), 2);
        for again in [run(), run().budget(Usd::dollars(10))] {
            assert_eq!(spent(again).await, (cost.to_owned(), cost.to_owned()), "{units:?}");
        }
    }
}

/// The money of a request that is given up is not free, and nothing waits for it.
#[tokio::test(start_paused = true)]
async fn request_that_is_sent_again_needs_room_in_the_budget_beside_the_first() {
    let (queue, journal) =
        (Queue::new(|settings| settings.loses_answer = |_| true), MemoryJournal::default());
    let run = |queue: &Queue, budget: &str| {
        let budget: Usd = budget.parse().unwrap();
        queue.client().batch(inputs(1)).journal(journal.clone()).resubmit_in_doubt(true).budget(budget)
    };
    assert!(run(&queue, "0.04").await.unwrap()[0].is_err());
    let queue = Queue::default();
    let hour = Duration::from_secs(3600);
    let replies =
        tokio::time::timeout(hour, run(&queue, "0.04").into_future()).await.expect("it hangs").unwrap();
    assert!(replies[0].as_ref().is_err_and(Error::is_unsent), "{replies:?}");
    // It was not given up, because the other was not sent.
    let done = run(&queue, "0.04").as_completed().await.unwrap();
    assert_eq!(done.spent().await.unwrap().to_string(), "$0.00 spent, $0.025 reserved");
    drop(done);
    assert_eq!(spent(run(&queue, "0.05")).await.1, "$0.05 spent");
}

#[tokio::test(start_paused = true)]
async fn failures_that_cost_nothing_are_no_unknown_costs() {
    let queue = Queue::new(|settings| {
        (settings.price, settings.failing) = (None, |seed| u32::from(seed < 3));
    });
    let journal = MemoryJournal::default();
    let run = || queue.client().batch(inputs(4)).journal(journal.clone()).keep_outputs();
    let mut done = run().as_completed().await.unwrap();
    while done.next().await.is_some() {}
    let one = "$0.00 spent, and 1 request whose cost is not known";
    assert_eq!(done.spent().await.unwrap().to_string(), one);
    drop(done);
    let (before, after) = spent(run().resubmit_failed(|_| true)).await;
    assert_eq!(
        (before.as_str(), after.as_str()),
        (one, "$0.00 spent, and 4 requests whose cost is not known")
    );
    assert_eq!(spent(run()).await, (after.clone(), after));
}
