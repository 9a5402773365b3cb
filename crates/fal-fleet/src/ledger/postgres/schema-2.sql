-- Version 2: outputs of earlier requests, and batches that are moved.

-- `seeded` or `all`: requests that take the output of an earlier one.
alter table fal.batch add reuse text not null default 'off' check (reuse in ('off', 'seeded', 'all'));

-- The SHA-256 of the endpoint and the input, if the request may take the output of another one with the same.
alter table fal.request add content text;
-- The request at fal whose output it took.
alter table fal.request add reused_from text;

create index request_content on fal.request (content) where content is not null;

create or replace view fal.progress as
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
       b.stop_reason,
       count(r.reused_from) as reused
from fal.batch b left join fal.request r on r.batch = b.id
group by b.id;

insert into fal.migration (version) values (2);
