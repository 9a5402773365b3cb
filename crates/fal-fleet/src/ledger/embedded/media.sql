-- Version 2: the files of outputs, as workers have saved them.

alter table fal.request add column saved text;

create table fal.media_name (
    store    text not null,
    folded   text not null,
    name     text not null,
    request  integer not null references request on delete cascade,
    "index"  integer not null,
    primary key (store, folded)
);
create index fal.media_name_request on media_name (request);

create view fal.media as
select b.name as batch, r.key, r.request_id,
       f.value ->> 'field' as field, f.value ->> 'location' as location, f.value ->> 'bytes' as bytes,
       f.value ->> 'content_type' as content_type, f.value ->> 'error' as error
from request r join batch b on b.id = r.batch, json_each(r.saved) f
where r.saved is not null;
