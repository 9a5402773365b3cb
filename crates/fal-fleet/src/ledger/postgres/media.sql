-- Version 3: the files of outputs, as workers have saved them.

-- A list of files, each with `field`, `location`, `bytes`, `content_type`, and `error` if fal no longer had it.
alter table fal.request add column saved json;

create index request_unsaved on fal.request (due, id)
    where state = 'done' and acknowledged_at is null and saved is null;
create index request_saved on fal.request (due, id)
    where state = 'done' and acknowledged_at is null and saved is not null;

-- The names of saved files, so that no two requests have one. In small letters, because some file systems take `Cat` for `cat`.
create table fal.media_name (
    store    text not null,
    folded   text not null,
    name     text not null,
    request  bigint not null references fal.request on delete cascade,
    index    int not null,
    primary key (store, folded)
);
create index media_name_request on fal.media_name (request);

create view fal.media as
select b.name as batch, r.key, r.request_id, f.*
from fal.request r join fal.batch b on b.id = r.batch
cross join lateral json_to_recordset(r.saved) as f (field text, location text, bytes bigint, content_type text, error text)
where r.saved is not null;

insert into fal.migration (version) values (3);
