-- Version 1 of the embedded ledger. The tables have the names and columns of those on PostgreSQL. Times are seconds since 1970,
-- and amounts of money are decimal text.

create table fal.account (
    id              integer primary key,
    name            text not null unique,
    concurrency     integer not null default 16,
    is_adaptive     integer not null default false,
    width           real not null default 4,
    grows_from      real not null default 0,
    locked_at       real,
    lock_reason     text,
    probe_at        real,
    probe_pause     real
);

create table fal.batch (
    id               integer primary key,
    name             text not null unique,
    account          text not null default 'default',
    priority         integer not null default 0,
    budget           text,
    max_per_request  text,
    reserved         text not null default '0',
    spent            text not null default '0',
    excess           text,
    webhook          text,
    reconcile        integer not null default false,
    deadline         real,
    retries          integer not null default 0,
    stop_reason      text,
    reuse            text not null default 'off'
);

create table fal.request (
    id               integer primary key,
    batch            integer not null references batch on delete cascade,
    key              text not null,
    endpoint         text not null,
    input            text not null,
    state            text not null default 'waiting',
    due              real not null,
    epoch            integer not null default 0,
    owner            text,
    attempts         integer not null default 0,
    failures         integer not null default 0,
    offers           integer not null default 0,
    token            text not null,
    request_id       text unique,
    ticket           text,
    reserved         text,
    cost             text,
    units            text,
    begun_at         real,
    submitted_at     real,
    done_at          real,
    acknowledged_at  real,
    output           text,
    error            text,
    content          text,
    reused_from      text,
    unique (batch, key)
);

create index fal.request_waiting on request (batch, due, id) where state = 'waiting';
create index fal.request_begun on request (due) where state = 'begun';
create index fal.request_submitted on request (due, id) where state = 'submitted';
create index fal.request_under_way on request (batch) where state in ('begun', 'submitted');
create index fal.request_doubt on request (due, id) where state = 'in_doubt';
create index fal.request_content on request (content) where content is not null;
create index fal.request_offer on request (due, id) where state = 'done' and acknowledged_at is null;

create table fal.worker (
    id          text primary key,
    name        text not null,
    account     text not null,
    started_at  real not null,
    seen_at     real not null
);

create view fal.progress as
select b.name as batch,
       count(r.id) as requests,
       count(*) filter (where r.state = 'waiting') as waiting,
       count(*) filter (where r.state = 'begun') as begun,
       count(*) filter (where r.state = 'submitted') as submitted,
       count(*) filter (where r.state = 'done') as done,
       count(*) filter (where r.state = 'done' and r.acknowledged_at is not null) as acknowledged,
       count(*) filter (where r.state = 'failed') as failed,
       count(*) filter (where r.state = 'in_doubt') as in_doubt,
       count(*) filter (where r.done_at > unixepoch('subsec') - 60) as finished_last_minute,
       min(r.due) filter (where r.state = 'waiting') as oldest_waiting,
       b.stop_reason,
       count(r.reused_from) as reused
from batch b left join request r on r.batch = b.id
group by b.id;

create view fal.spend as
select b.name as batch, b.budget, b.spent, b.reserved,
       b.budget - b.spent - b.reserved as left,
       (select count(*) from request r where r.batch = b.id and r.state = 'done' and r.cost is null) as unpriced
from batch b;

create view fal.failures as
select b.name as batch, r.key, r.endpoint, r.state, r.request_id, r.failures, r.cost, r.done_at,
       r.error ->> 'message' as message, r.error ->> 'error_type' as error_type
from request r join batch b on b.id = r.batch
where r.state in ('failed', 'in_doubt');
