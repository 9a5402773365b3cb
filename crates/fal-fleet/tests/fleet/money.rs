//! Budgets.

use fal_client::{Usd, batch::Budget};
use fal_emulator::{Emulator, Pace, RequestKind};

use crate::support::{DEV, Stage, inputs};

on_both_ledgers! {
    a_budget_holds_with_64_submits_racing,
    a_request_whose_cost_has_no_bound_is_not_sent,
    a_refused_request_frees_its_money,
}

async fn a_budget_holds_with_64_submits_racing(stage: Stage) {
    let budget = Budget::new(Usd::cents(30)).max_per_request(Usd::cents(10));
    let batch = stage.fleet.batch("cats").concurrency(64).budget(budget);
    batch.enqueue(inputs(60)).await.unwrap();
    let handled = stage.work(16).await.len();
    let status = batch.status().await.unwrap();
    // The emulator charges a cent for each, so the last one starts with 20 cents spent and 10 reserved.
    assert_eq!((status.spent, status.reserved), (Usd::cents(21), Usd::ZERO), "{status}");
    assert_eq!((handled, stage.submits()), (21, 21));
    assert!(status.stop_reason.as_deref().is_some_and(|reason| reason.contains("$0.30")), "{status}");
    let exact = "select count(*) from fal.batch b where abs(cast(spent as double precision)
                 - (select sum(cast(cost as double precision)) from fal.request r where r.batch = b.id)) < 0.000001";
    assert_eq!(stage.number(exact).await, 1);

    // More money lets it go on.
    stage
        .fleet
        .batch("cats")
        .budget(Budget::new(Usd::dollars(100)).max_per_request(Usd::cents(10)))
        .enqueue(inputs(60))
        .await
        .unwrap();
    assert_eq!(stage.work(2).await.len() + handled, 60);
    assert_eq!(stage.submits(), 60);
}

async fn a_request_whose_cost_has_no_bound_is_not_sent(mut stage: Stage) {
    // The prices of the emulator are by the image, unless others are given.
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.json");
    let json = serde_json::json!({ DEV: { "unit_price": 0.025, "unit": "megapixels" } });
    std::fs::write(&prices, json.to_string()).unwrap();
    stage.emulator = Emulator::builder().pace(Pace::instant()).prices(&prices).start().await.unwrap();
    let batch = stage.fleet.batch("cats").budget(Usd::dollars(1));
    batch.enqueue(inputs(2)).await.unwrap();
    assert!(stage.work(1).await.is_empty());
    assert_eq!(
        stage.number("select count(*) from fal.failures where message like '%max_per_request%'").await,
        2
    );
    assert_eq!(stage.submits(), 0);
}

async fn a_refused_request_frees_its_money(stage: Stage) {
    let budget = Budget::new(Usd::cents(10)).max_per_request(Usd::cents(10));
    let batch = stage.fleet.batch("cats").budget(budget);
    batch.enqueue(inputs(2)).await.unwrap();
    stage.emulator.on_request(RequestKind::Submit).fail(422, serde_json::json!({ "detail": "no" })).times(1);
    assert_eq!(stage.work(1).await.len(), 1);
    let status = batch.status().await.unwrap();
    assert_eq!((status.failed, status.reserved), (1, Usd::ZERO));
}
