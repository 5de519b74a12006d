-- Records that one commit wrote together, up to 32 in a row: a thousand registrations are some sixty
-- rows, not two thousand. Those that come alone stay in owned_record, and tombstones too.
create table owned_page (
  owner   text    not null,
  -- the stamp of the first record that it had: those of one page follow one another
  first   integer not null,
  records blob    not null,
  primary key (owner, first)
) strict;
