-- Copies of records that came together, up to 32 in a row, in the order in which they came: keyed one
-- by one, a thousand of an import touched a thousand pages all over the table. Those that come alone
-- are in held_record, and tombstones too; of one key, either has it and never both.
create table held_page (
  id      integer primary key,
  owner   text    not null,
  -- the stamps of the first and the last record that it had
  first   integer not null,
  last    integer not null,
  records blob    not null
) strict;

-- the page that a stamp may be on; pages beyond a counter, without reading them
create index held_page_stamps on held_page (owner, first, last);
