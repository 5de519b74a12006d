-- Names this database, so that two processes with one name can be told apart.
create table identity (
  id text primary key
) strict, without rowid;

-- What this node owns: the truth that everybody else has a copy of.

create table owned_set (
  owner        text    primary key,
  epoch_number integer not null,
  epoch_tag    text    not null,
  counter      integer not null,
  floor        integer not null,
  digest       text    not null
) strict, without rowid;

create table owned_record (
  owner      text    not null,
  key        text    not null,
  counter    integer not null,
  definition text,
  -- null is a tombstone
  body       blob,
  primary key (owner, key)
) strict, without rowid;

create table definition (
  id        text primary key,
  canonical blob not null
) strict, without rowid;

-- What was asked for, per instance: more than its records say, and private instances, which have
-- no records at all.
create table registration (
  id   text primary key,
  json text not null
) strict, without rowid;
