-- Version 5: files of inputs that were uploaded, by their content.

create table fal.upload (
    -- The SHA-256 of the account, the type and the content.
    address     text primary key,
    -- Null while somebody uploads it.
    url         text,
    -- The time at which fal deletes the file, or at which somebody else may upload it.
    expires_at  timestamptz not null
);

insert into fal.migration (version) values (5);
