-- Copies of records that came together, up to 32 in a row, in the order in which they came: keyed one
-- by one, a thousand of an import touched a thousand pages all over the table. Those that come alone
-- are in held_record, and tombstones too: what is there counts before what a page says of its key, and
-- of pages the later.
create table held_page (
  id      integer primary key,
  owner   text    not null,
  -- the lowest and the highest stamp on it
  first   integer not null,
  last    integer not null,
  records blob    not null
) strict;

-- the pages of an owner; whether one has a stamp above a counter, without reading any
create index held_page_stamps on held_page (owner, first, last);
