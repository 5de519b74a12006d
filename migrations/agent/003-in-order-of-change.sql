-- What a commit writes stands side by side, however its ids are spread: a commit then touches a few
-- pages, where it touched one of each table for nearly every instance.

create table owned_record_by_stamp (
  owner      text    not null,
  -- the owner's stamp, which no two of its records have in common
  counter    integer not null,
  key        text    not null,
  definition text,
  -- null is a tombstone
  body       blob,
  primary key (owner, counter)
) strict, without rowid;
insert into owned_record_by_stamp (owner, counter, key, definition, body)
  select owner, counter, key, definition, body from owned_record;
drop table owned_record;
alter table owned_record_by_stamp rename to owned_record;

create table registration_by_number (
  -- given by the agent, for as long as the instance is registered
  number integer primary key,
  id     text not null,
  json   text not null
) strict;
insert into registration_by_number (number, id, json)
  select row_number() over (order by id), id, json from registration;
drop table registration;
alter table registration_by_number rename to registration;
