-- Version 1 of the schema `fal`. The tables may be read by anyone, and joined with tables of the application.

create table fal.migration (
    version     int primary key,
    applied_at  timestamptz not null default now()
);

-- An account at fal: all workers with one key share its concurrency, and stop while it is locked.
create table fal.account (
    name            text primary key check (length(name) between 1 and 256),
    -- The largest number of requests that are sent or in fal's queue.
    concurrency     int not null default 16 check (concurrency > 0),
    is_adaptive     boolean not null default false,
    -- The number that an adaptive account has found.
    width           double precision not null default 4,
    -- An adaptive account does not grow before this time, after a 429.
    grows_from      timestamptz not null default now(),
    locked_at       timestamptz,
    lock_reason     text,
    -- One request is sent at this time, to find out if the lock has ended.
    probe_at        timestamptz,
    probe_pause     double precision
);

create table fal.batch (
    id               int generated always as identity primary key,
    name             text not null unique check (length(name) between 1 and 256),
    account          text not null default 'default' references fal.account,
    -- Batches with a higher number go first.
    priority         int not null default 0,
    budget           numeric check (budget >= 0),
    max_per_request  numeric check (max_per_request >= 0),
    -- Money of requests that are not finished, and of those that are.
    reserved         numeric not null default 0 check (reserved >= 0),
    spent            numeric not null default 0 check (spent >= 0),
    -- The largest cost of a request that cost more than was reserved for it.
    excess           numeric,
    webhook          text,
    reconcile        boolean not null default false,
    -- No request is sent after this time.
    deadline         timestamptz,
    -- The number of times that a failed request is sent again.
    retries          int not null default 0,
    -- Set when the batch sends nothing more: cancelled, or the budget is spent.
    stop_reason      text,
    created_at       timestamptz not null default now()
);

create table fal.request (
    id               bigint generated always as identity primary key,
    batch            int not null references fal.batch on delete cascade,
    key              text not null check (length(key) between 1 and 256),
    endpoint         text not null,
    input            json not null,
    -- SHA-256 of the endpoint and the input.
    fingerprint      bytea not null,
    state            text not null default 'waiting'
                     check (state in ('waiting', 'begun', 'submitted', 'done', 'failed', 'in_doubt')),
    -- The time of the next step. A worker that takes a request moves it by its lease.
    due              timestamptz not null default now(),
    -- The fencing token: every worker that takes the request raises it, and only the holder of the last one may write.
    epoch            int not null default 0,
    owner            uuid,
    -- The number of submits, of submits that have failed at fal, and of calls of the handler.
    attempts         int not null default 0,
    failures         int not null default 0,
    offers           int not null default 0,
    -- Part of the webhook's URL, so that only fal's delivery to it is taken for one of this request.
    token            uuid not null default gen_random_uuid(),
    request_id       text,
    -- The ticket, if it has more than the endpoint and the request id.
    ticket           text,
    reserved         numeric,
    cost             numeric,
    units            text,
    begun_at         timestamptz,
    submitted_at     timestamptz,
    done_at          timestamptz,
    acknowledged_at  timestamptz,
    output           json,
    error            json,
    unique (batch, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

create index request_waiting on fal.request (batch, due, id) where state = 'waiting';
create index request_begun on fal.request (due) where state = 'begun';
create index request_submitted on fal.request (due, id) where state = 'submitted';
create index request_under_way on fal.request (batch) where state in ('begun', 'submitted');
create index request_doubt on fal.request (due, id) where state = 'in_doubt';
create index request_offer on fal.request (due, id) where state = 'done' and acknowledged_at is null;
create index request_failed on fal.request (batch, done_at) where state = 'failed';
create unique index request_fal on fal.request (request_id) where request_id is not null;

-- The workers that have shown themselves lately.
create table fal.worker (
    id          uuid primary key,
    name        text not null,
    account     text not null,
    started_at  timestamptz not null default now(),
    seen_at     timestamptz not null default now()
);

create view fal.progress as
select b.name as batch,
       count(r.id) as requests,
       count(r.id) filter (where r.state = 'waiting') as waiting,
       count(r.id) filter (where r.state = 'begun') as begun,
       count(r.id) filter (where r.state = 'submitted') as submitted,
       count(r.id) filter (where r.state = 'done') as done,
       count(r.id) filter (where r.state = 'done' and r.acknowledged_at is not null) as acknowledged,
       count(r.id) filter (where r.state = 'failed') as failed,
       count(r.id) filter (where r.state = 'in_doubt') as in_doubt,
       count(r.id) filter (where r.done_at > now() - interval '1 minute') as finished_last_minute,
       min(r.due) filter (where r.state = 'waiting') as oldest_waiting,
       b.stop_reason
from fal.batch b left join fal.request r on r.batch = b.id
group by b.id;

create view fal.spend as
select b.name as batch, b.budget, b.spent, b.reserved,
       b.budget - b.spent - b.reserved as left,
       (select count(*) from fal.request r where r.batch = b.id and r.state = 'done' and r.cost is null) as unpriced
from fal.batch b;

create view fal.failures as
select b.name as batch, r.key, r.endpoint, r.state, r.request_id, r.failures, r.cost, r.done_at,
       r.error ->> 'message' as message, r.error ->> 'error_type' as error_type
from fal.request r join fal.batch b on b.id = r.batch
where r.state in ('failed', 'in_doubt');

insert into fal.migration (version) values (1);
